#!/usr/bin/env bash
# Installs the peers that the interop scripts test against: Debian packages; under target/, slixmpp in a virtual environment,
# with the integration tests of its source distribution, xmpp.js, if there is a node, and a later Prosody from Debian's
# backports. Can be run again and again. What cannot be installed is named, and the scripts that need it skip.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

slixmpp_version=1.17.0
xmppjs_version=0.14.0

# Program that shows it is there, and the packages that bring it.
debian=(
    "prosody:prosody lua-sec"
    "ejabberdctl:ejabberd"
    "profanity:profanity"
    "mcabber:mcabber"
    "tmux:tmux"
    "openssl:openssl"
    "/usr/bin/python3:python3"
)

missing_packages() {
    local entry
    for entry in "${debian[@]}"; do
        command -v "${entry%%:*}" >/dev/null || [ -d "${entry%%:*}" ] || echo "${entry#*:}"
    done
    # The module is there without the package, but cannot make an environment.
    /usr/bin/python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv
}

# The packages would start their services: the tests run private instances, and need none of those.
without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        "$@" || status=$?
        rm -f "$policy"
        return "$status"
    fi
    "$@"
}

install_debian() {
    local packages package
    mapfile -t packages < <(missing_packages | tr ' ' '\n')
    [ ${#packages[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "install: not root on a Debian system: without ${packages[*]}"
        return 0
    fi
    export DEBIAN_FRONTEND=noninteractive
    local log=$target/interop/apt.log
    if ! apt-get update >"$log" 2>&1; then
        echo "install: apt-get update failed: $(tail -n 1 "$log")"
    fi
    # One by one: a package that cannot be had must not keep the others away.
    for package in "${packages[@]}"; do
        if without_services apt-get install -y --no-install-recommends "$package" >>"$log" 2>&1; then
            echo "install: $package"
        else
            echo "install: cannot install $package: $(grep '^E:' "$log" | tail -n 1)"
        fi
    done
}

install_slixmpp() {
    if "$venv/bin/python" -c "import slixmpp; assert slixmpp.__version__ == '$slixmpp_version'" 2>/dev/null; then
        return 0
    fi
    local log=$target/interop/pip.log
    if /usr/bin/python3 -m venv --clear "$venv" >"$log" 2>&1 &&
        "$venv/bin/python" -m pip install --quiet --only-binary :all: "slixmpp==$slixmpp_version" >>"$log" 2>&1; then
        echo "install: slixmpp $slixmpp_version"
    else
        echo "install: cannot install slixmpp: $(tail -n 1 "$log")"
    fi
}

# The tests are not among what pip installs.
install_slixmpp_itests() {
    [ -d "$itests/$slixmpp_version" ] && return 0
    local log=$target/interop/pip-download.log fresh
    fresh=$(mktemp -d)
    if "$venv/bin/python" -m pip download --quiet --no-deps --no-binary slixmpp --dest "$fresh" \
        "slixmpp==$slixmpp_version" >"$log" 2>&1 &&
        tar -xzf "$fresh"/slixmpp-*.tar.gz -C "$fresh" --strip-components 1 >>"$log" 2>&1 &&
        [ -d "$fresh/itests" ]; then
        rm -rf "$itests"
        mkdir -p "$itests"
        mv "$fresh/itests" "$itests/$slixmpp_version"
        echo "install: slixmpp's integration tests"
    else
        echo "install: no integration tests of slixmpp: $(tail -n 1 "$log")"
    fi
    rm -rf "$fresh"
}

install_xmppjs() {
    command -v npm >/dev/null || { echo "install: without xmpp.js: there is no npm"; return 0; }
    grep -qs "\"version\": \"$xmppjs_version\"" "$node_modules/node_modules/@xmpp/client/package.json" && return 0
    local log=$target/interop/npm.log
    mkdir -p "$node_modules"
    if npm install --prefix "$node_modules" --no-audit --no-fund --ignore-scripts "@xmpp/client@$xmppjs_version" \
        >"$log" 2>&1; then
        echo "install: xmpp.js $xmppjs_version"
    else
        echo "install: cannot install xmpp.js: $(tail -n 1 "$log")"
    fi
}

# Prosody 13 and its community modules, beside the one that is installed. The system's own sources of packages are left alone.
install_later_prosody() {
    [ -x "$later_prosody/usr/bin/prosody" ] && return 0
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
        { echo "install: not a Debian system: without a later Prosody"; return 0; }
    local log=$target/interop/backports.log fresh
    fresh=$(mktemp -d)
    if fetch_later_prosody "$fresh" >"$log" 2>&1; then
        rm -rf "$later_prosody"
        mv "$fresh/root" "$later_prosody"
        echo "install: $(cd "$fresh" && ls -d prosody_*.deb)"
    else
        echo "install: no later Prosody: $(tail -n 1 "$log")"
    fi
    rm -rf "$fresh"
}

fetch_later_prosody() {
    local codename mirror file
    cd "$1" && mkdir -p lists/partial root || return
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    local mirrors=(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename")
    [ -n "$("${mirrors[@]}")" ] || apt-get update || return
    mirror=$("${mirrors[@]}" | head -n 1)
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $codename-backports main" >sources.list
    local apt=(apt-get -o "Dir::Etc::sourcelist=$1/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$1/lists"
        -o "Dir::Cache=$1" -o APT::Sandbox::User=root)
    "${apt[@]}" update && "${apt[@]}" download prosody prosody-modules || return
    for file in *.deb; do dpkg-deb -x "$file" root || return; done
}

mkdir -p "$target/interop"
install_debian
install_slixmpp
install_slixmpp_itests
install_xmppjs
install_later_prosody
