# Source packages of Debian's for the set-up scripts, which source this.
# shellcheck shell=sh

# Downloads them into DIR/apt, with indexes of its own there.   DIR SUITE PACKAGE...
download_sources() {
    apt=$1/apt
    suite=$2
    shift 2
    mirror=$(apt-cache policy libc6 | sed -n 's/^ *[0-9]* \(http[^ ]*\) [a-z]*\/main .*/\1/p' | head -n 1)
    keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    mkdir -p "$apt/lists/partial"
    echo "deb-src [signed-by=$keyring] ${mirror:-http://deb.debian.org/debian} $suite main" >"$apt/sources.list"
    opts="-o Dir::Etc::sourcelist=$apt/sources.list -o Dir::Etc::sourceparts=-
 -o Dir::State::Lists=$apt/lists -o APT::Sandbox::User=root -o Dir::Cache=$apt"
    apt-get $opts update -q >/dev/null
    (cd "$apt" && apt-get $opts source -q --download-only "$@" >/dev/null)
}
