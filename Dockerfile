# One image for everything of ours that runs in a container: the worker, and by another command the HTTP functions.
#
# Debian and Python are the ones the tests run on. The tag names a release, but only a digest can never move, and this
# repository has no way to look one up: pin it where you build for production.
FROM python:3.11.14-slim-bookworm AS base

FROM base AS packages
COPY requirements.txt /tmp/
RUN python -m venv --without-pip /opt/venv && \
    pip --python /opt/venv/bin/python install --no-cache-dir --no-deps --require-hashes -r /tmp/requirements.txt

FROM base
RUN useradd --uid 10001 --user-group --no-create-home --no-log-init --shell /usr/sbin/nologin reelbase
COPY --from=packages /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PROMETHEUS_DISABLE_CREATED_SERIES=true
WORKDIR /app
COPY worker worker
COPY functions_py functions_py
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8080
# Both listen on 8080 if nothing else is said. /healthz says that the process answers, not that the database does: nobody is helped by restarts during an outage.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-c", "\
import http.client, os; \
worker = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('WORKER_PORT') or 8080), timeout=3); \
worker.request('GET', '/healthz'); \
raise SystemExit(worker.getresponse().status != 200)"]
CMD ["python", "-m", "worker"]
