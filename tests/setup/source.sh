# Debian's packages and their sources for the set-up scripts, which source this: with indexes of apt's own for
# each, whatever the system's sources.list has, and without installing anything.
# shellcheck shell=sh

# The mirror that the system uses, if it is a Debian.
mirror() {
    apt-cache policy libc6 | sed -n 's/^ *[0-9]* \(http[^ ]*\) [a-z]*\/main .*/\1/p' | head -n 1
}

# Sets $opts, apt-get's options for SUITE with its state in DIR.   DIR SUITE deb|deb-src OPTION...
own_apt() {
    own=$1
    url=$(mirror)
    mkdir -p "$own/lists/partial"
    echo "$3 [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
        "${url:-http://deb.debian.org/debian} $2 main" >"$own/sources.list"
    shift 3
    opts="-o Dir::Etc::sourcelist=$own/sources.list -o Dir::Etc::sourceparts=-
 -o Dir::State::Lists=$own/lists -o APT::Sandbox::User=root -o Dir::Cache=$own $*"
    apt-get $opts update -q >/dev/null
}

# The same for the packages of another system than this.   DIR SUITE ARCHITECTURE
foreign_apt() {
    own_apt "$1" "$2" deb -o APT::Architecture="$3" -o APT::Architectures="$3" -o Dir::State::status=/dev/null
}

# Downloads sources into DIR/apt.   DIR SUITE PACKAGE...
download_sources() {
    apt=$1/apt
    own_apt "$apt" "$2" deb-src
    shift 2
    (cd "$apt" && apt-get $opts source -q --download-only "$@" >/dev/null)
}
