#!/bin/sh
# Postgres 17 with pg_cron, pgTAP and plpgsql_check beside Debian 12's own Postgres 15, without root: packages of
# Debian 13 from the mirror that this machine's apt uses, verified by Debian's keys, unpacked below .local and given
# the C library they were built for. Nothing outside of .local changes. Prints to standard error only.
set -eu

cd "$(dirname "$0")/../.."
suite=trixie
home=$PWD/.local/postgres-17
new=$home.new
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# What the server, its tools and its extensions load, and nothing else: no JIT, no Perl, no tools of Debian's own.
packages="
    postgresql-17 postgresql-client-17 postgresql-17-cron postgresql-17-pgtap postgresql-17-plpgsql-check
    libaudit1 libc6 libcap-ng0 libcap2 libcom-err2 libgcc-s1 libgcrypt20 libgpg-error0 libgssapi-krb5-2 libicu76
    libk5crypto3 libkeyutils1 libkrb5-3 libkrb5support0 libldap2 liblz4-1 liblzma5 libpam0g libpcre2-8-0 libpq5
    libreadline8t64 libsasl2-2 libselinux1 libssl3t64 libstdc++6 libsystemd0 libtinfo6 libuuid1 libxml2 libxslt1.1
    libzstd1 zlib1g patchelf"

say() { printf '%s\n' "$*" >&2; }

die() {
    say "error: $*"
    exit 1
}

# Run, not only looked for: one that was moved with its checkout has lost its loader.
! "$home/usr/lib/postgresql/17/bin/postgres" --version >/dev/null 2>&1 || exit 0
[ -e "$keyring" ] && command -v apt-get >/dev/null ||
    die "Postgres 17 is set up by itself on Debian only: elsewhere install it with pg_cron, pgTAP and plpgsql_check"

# The mirror of the distribution itself, whatever it is: the suites of security and updates may have others.
# shellcheck disable=SC1091
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
# shellcheck disable=SC2016 # apt's own placeholders
mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    sed -n "s/^$codename main //p" | head -n 1)
[ -n "$mirror" ] || die "apt of this machine names no mirror for Debian's suite $codename"

say "installing Postgres 17 into .local from Debian's suite $suite"
rm -rf "$new"
mkdir -p "$new/apt/state" "$new/apt/lists/partial" "$new/apt/cache/archives/partial" "$new/apt/packages" "$new/apt/none"
: >"$new/apt/status"
echo "deb [signed-by=$keyring] $mirror $suite main" >"$new/apt/sources.list"
# Read before the machine's own configuration of apt, which stays in force: proxies, credentials, retries.
cat >"$new/apt/apt.conf" <<CONF
Dir::State "$new/apt/state";
Dir::State::status "$new/apt/status";
Dir::State::lists "$new/apt/lists";
Dir::Cache "$new/apt/cache";
Dir::Etc::sourcelist "$new/apt/sources.list";
Dir::Etc::sourceparts "-";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "$new/apt/none";
APT::Default-Release "$suite";
APT::Sandbox::User "";
Acquire::Languages "none";
CONF
export APT_CONFIG="$new/apt/apt.conf"
apt-get -qq update >&2 || die "apt-get update failed for the suite $suite"
# shellcheck disable=SC2086 # a list of package names
(cd "$new/apt/packages" && apt-get -qq download $packages >&2) || die "apt-get download failed for the suite $suite"
for package in "$new"/apt/packages/*.deb; do
    dpkg-deb --extract "$package" "$new"
done
# Without LLVM, which is left out, the server does without just-in-time compilation, as long as it does not find this.
rm -rf "$new/apt" "$new/usr/lib/postgresql/17/lib/llvmjit.so"

# Programs find their loader by an absolute path, and their libraries below it: the place is final from here on. Root
# starts Postgres as another user, who has to reach it even below a directory that is closed to him.
chmod 755 "$new"
place=$home
if [ "$(id -u)" = 0 ] && ! runuser -u postgres -- test -x "$PWD/.local" 2>/dev/null; then
    place=$(mktemp -d /var/tmp/reelbase-postgres-17-XXXXXX)/prefix
    chmod 755 "$(dirname "$place")"
fi
loader=usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
libraries=$place/usr/lib/x86_64-linux-gnu
for program in "$new"/usr/lib/postgresql/17/bin/*; do
    "$new/$loader" --library-path "$new/usr/lib/x86_64-linux-gnu" "$new/usr/bin/patchelf" \
        --set-interpreter "$place/$loader" --force-rpath --set-rpath "$libraries" "$program" >&2 ||
        die "patchelf failed for $program"
done
rm -rf "$home"
mv "$new" "$place"
[ "$place" = "$home" ] || ln -s "$place" "$home"
"$home/usr/lib/postgresql/17/bin/postgres" --version >&2 || die "the unpacked Postgres 17 does not start"
