# Debian's packages and their sources for the set-up scripts, which source this: with indexes of apt's own for
# each, whatever the system's sources.list has, and without installing anything.
# shellcheck shell=sh

# The mirror that the system uses, if it is a Debian.
mirror() {
    env -u APT_CONFIG apt-cache policy libc6 | sed -n 's/^ *[0-9]* \(http[^ ]*\) [a-z]*\/main .*/\1/p' | head -n 1
}

# Sets apt up for SUITE with its state in DIR.   DIR SUITE deb|deb-src [LINES of apt.conf]
own_apt() {
    url=$(mirror)
    own=$(mkdir -p "$1/lists/partial" && cd "$1" && pwd)
    echo "$3 [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
        "${url:-http://deb.debian.org/debian} $2 main" >"$own/sources.list"
    cat >"$own/apt.conf" <<END
Dir::Etc::sourcelist "$own/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::Lists "$own/lists";
Dir::Cache "$own";
APT::Sandbox::User "root";
${4:-}
END
    export APT_CONFIG="$own/apt.conf"
    apt-get update -q >/dev/null
}

# The same for the packages of another system than this.   DIR SUITE ARCHITECTURE
foreign_apt() {
    own_apt "$1" "$2" deb "APT::Architecture \"$3\"; APT::Architectures \"$3\"; Dir::State::status \"/dev/null\";"
}

# Downloads sources into DIR/apt.   DIR SUITE PACKAGE...
download_sources() {
    apt=$1/apt
    own_apt "$apt" "$2" deb-src
    shift 2
    (cd "$apt" && apt-get source -q --download-only "$@" >/dev/null)
}
