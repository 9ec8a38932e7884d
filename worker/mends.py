"""The commands that ``worker check`` names for what an operator mends in the project.

They run as written: ``DB_URL`` is the database as ``postgres``, and the shell knows the worker's settings.
What belongs to a provider is in its folder.
"""

# ruff: noqa: S105, S608  commands for people, and the secrets in them are names of variables

from __future__ import annotations

from typing import Final


def psql(sql: str) -> str:
    return f'psql "$DB_URL" -c "{sql}"'


PUSH: Final = "npx supabase db push --remote"
SHOW_KEYS: Final = 'npx supabase projects api-keys --project-ref "$PROJECT_REF"'
SET_PASSWORD: Final = r"""psql "$DB_URL" -c '\password video_worker'"""
SCHEDULE: Final = (
    psql("select cron.unschedule(jobid) from cron.job where jobname = 'video-tick'")
    + " -f sql/schema/90_operations/50_cron.sql"
)
SHOW_RUNS: Final = psql(
    "select start_time, status, return_message from cron.job_run_details order by start_time desc limit 10"
)
CREATE_URL: Final = psql("select vault.create_secret('$WORKER_URL', 'worker_url')")
CREATE_TOKEN: Final = psql("select vault.create_secret('$WORKER_TOKEN', 'worker_token')")
UPDATE_TOKEN: Final = psql(
    "select vault.update_secret(id, '$WORKER_TOKEN') from vault.secrets where name = 'worker_token'"
)
MAKE_PRIVATE: Final = psql("update storage.buckets set public = false where id = 'videos'")


def grant_verb(verb: str) -> str:
    return psql(f"grant execute on function worker_api.{verb} to video_worker")


def sell(model: str) -> str:
    return psql(f"update public.video_models set is_enabled = true where id = '{model}'")


def stop_selling(model: str) -> str:
    return psql(f"update public.video_models set is_enabled = false where id = '{model}'")


def resume(model: str) -> str:
    """For a model that is paused, or past its retirement."""
    return psql(
        "update public.video_models set paused_at = null, pause_reason = null, retires_at = null "
        f"where id = '{model}'"
    )


def replace(provider_model: str) -> str:
    """For a model that the provider has no more."""
    return psql(
        "update public.video_models set provider_model = '$NEW_MODEL' "
        f"where provider_model = '{provider_model}'"
    )
