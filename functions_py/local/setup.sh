#!/bin/sh
# Installs what the local stack needs on Debian 12+ or Ubuntu 24.04+: by apt what is missing (as root, or with sudo),
# by npm into node_modules, by pip into .venv. Prints to standard error only. A run that finds everything done takes a
# few milliseconds; two runs at the same time wait for each other. PG=17 in the environment asks for Postgres 17 too,
# BROWSER=yes for Chromium, on Debian.
set -eu

cd "$(dirname "$0")/../.."
stamp=.local/setup-stamp

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

# What a finished run was made from: change one of these files and the next run does its work again.
wanted() {
    cat functions_py/local/setup.sh functions_py/local/postgres_17.sh \
        pyproject.toml requirements-dev.txt package.json package-lock.json | sha256sum
}

is_done() {
    [ "$(cat "$stamp" 2>/dev/null)" = "$(wanted)" ] && [ -x .venv/bin/python ] && [ -d node_modules/supabase ] &&
        [ -n "$(postgres_version)" ] && has_asked_for && has_browser
}

# Ubuntu has Chromium as a snap alone: there nothing is installed, and the tests that want one say so.
has_browser() {
    [ -z "${BROWSER:-}" ] || command -v chromium >/dev/null || command -v google-chrome >/dev/null ||
        ! grep -qx ID=debian /etc/os-release
}

# Whether the Postgres that PG names is there; tools.py looks at the same places.
has_asked_for() {
    [ -z "${PG:-}" ] || [ "$(postgres_version "$PG")" = "$PG" ] ||
        ".local/postgres-$PG/usr/lib/postgresql/$PG/bin/postgres" --version >/dev/null 2>&1
}

# The newest installed Postgres that has all extensions the project needs; with an argument, of that version.
postgres_version() {
    for server in $(ls -d /usr/lib/postgresql/${1:-*}/bin/postgres 2>/dev/null | sort -rV); do
        version=${server#/usr/lib/postgresql/}
        version=${version%%/*}
        share=/usr/share/postgresql/$version/extension
        if [ -e "$share/pg_cron.control" ] && [ -e "$share/pgtap.control" ] && [ -e "$share/plpgsql_check.control" ]; then
            echo "$version"
            return
        fi
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_packages() {
    missing=
    command -v node >/dev/null || missing="$missing nodejs"
    command -v npm >/dev/null || missing="$missing npm"
    command -v pg_prove >/dev/null || missing="$missing libtap-parser-sourcehandler-pgtap-perl"
    has_browser || missing="$missing chromium"
    [ -e /etc/ssl/certs/ca-certificates.crt ] || missing="$missing ca-certificates"
    # Debian splits ensurepip from Python; without it a virtual environment has no pip.
    python3 -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3 python3-venv"
    need_postgres=
    [ -n "$(postgres_version)" ] || need_postgres=yes
    [ -n "$missing$need_postgres" ] || return 0

    command -v apt-get >/dev/null ||
        die "this is not Debian or Ubuntu: install$missing, and Postgres 15 or newer with pg_cron, pgTAP and plpgsql_check"
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        die "there is no sudo: as root, apt-get install$missing${need_postgres:+ and postgresql-NN with -cron, -pgtap and -plpgsql-check}"
    say "installing by apt, which takes a minute or two:$missing${need_postgres:+ postgresql}"
    as_root apt-get -qq update || die "apt-get update failed: check the network and /etc/apt/sources.list"
    if [ -n "$need_postgres" ]; then
        version=$(available_postgres)
        [ -n "$version" ] || die "this distribution has no Postgres with pg_cron, pgTAP and plpgsql_check: use Debian 12 or newer"
        missing="$missing postgresql-$version postgresql-$version-cron postgresql-$version-pgtap"
        missing="$missing postgresql-$version-plpgsql-check"
        # The package would make and start a cluster of its own; the stack wants the programs only.
        if [ ! -x "/usr/lib/postgresql/$version/bin/postgres" ]; then
            no_cluster=/etc/postgresql-common/createcluster.d/reelbase-setup.conf
            as_root mkdir -p "$(dirname "$no_cluster")"
            echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
        fi
    fi
    installed=yes
    # shellcheck disable=SC2086 # a list of package names
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install -y --no-install-recommends $missing >.local/setup.log 2>&1 || installed=
    [ -z "${no_cluster:-}" ] || as_root rm -f "$no_cluster"
    [ -n "$installed" ] || die "apt-get install failed, .local/setup.log says why:  apt-get install$missing"
}

# The newest Postgres for which apt has every extension: an installed server is preferred to a second one.
available_postgres() {
    for version in $(ls /usr/lib/postgresql 2>/dev/null | sort -rV) 18 17 16 15; do
        for extension in cron pgtap plpgsql-check; do
            apt-cache show "postgresql-$version-$extension" >/dev/null 2>&1 || continue 2
        done
        echo "$version"
        return
    done
}

asked_for_postgres() {
    ! has_asked_for || return 0
    [ "$PG" = 17 ] || die "PG=$PG: that Postgres is not installed with pg_cron, pgTAP and plpgsql_check; 17 can be fetched"
    functions_py/local/postgres_17.sh
}

npm_packages() {
    [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ] || return 0
    say "installing by npm"
    # Not `npm ci`: npm 11 refuses a lock without the entries of other platforms' optional binaries, which npm itself
    # leaves out. The versions and hashes of the lock hold all the same, and --no-save leaves the lock as it is.
    npm install --no-save --no-audit --no-fund --loglevel=error >&2 ||
        die "npm install failed: check the network and the registry npm is set to"
}

python_packages() {
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "Python 3.11 or newer is needed, this is $(python3 -V)"
    say "installing by pip into .venv"
    # An environment that was moved or half made has no working pip; making it again repairs it.
    .venv/bin/python -m pip --version >/dev/null 2>&1 || python3 -m venv --clear .venv ||
        die "cannot make .venv: is python3-venv installed, and the disk not full?"
    # The lock is whole, so nothing is left to resolve: older versions of pip would prefer a newer release of a package
    # that another one names with an extra, and then miss its hash. The project itself goes in by a second call, because
    # it has no hash, and is built with the locked setuptools instead of one that pip would fetch for it.
    set -- .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps
    { "$@" -r requirements-dev.txt && "$@" --no-build-isolation -e .; } >&2 ||
        die "pip install failed: check the network and the index pip is set to"
}

[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
    die "the local stack runs on 64-bit x86 Linux only: elsewhere use \`supabase start\` with Docker"
! is_done || exit 0

mkdir -p .local
command -v flock >/dev/null || die "flock is missing: apt-get install util-linux"
exec 9>.local/setup-lock
flock -n 9 || {
    say "another set-up is running in this checkout, waiting for it"
    flock 9
}
! is_done || exit 0

apt_packages 9>&-
asked_for_postgres 9>&-
npm_packages 9>&-
python_packages 9>&-
wanted >"$stamp"
