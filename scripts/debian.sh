# shellcheck shell=bash
# How mmdebstrap gets its packages from where this host gets them. Sourced, never run.

is_debian() {
	grep -qx 'ID=debian' /etc/os-release
}

# The host's own Debian sources, and only those: what third parties offer has no place in an image.
debian_sources() {
	# shellcheck disable=SC2016 # apt-get fills these in
	apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' 'Origin: Debian'
}

# Proxies and the like must also hold for the apt that mmdebstrap runs.
apt_options() {
	apt-config dump Acquire | grep -Ei '^Acquire::(http|https|Retries|Check-Valid-Until)' || :
}

debian_release() {
	sed -n 's/^VERSION_CODENAME=//p' /etc/os-release
}

# debian_mmdebstrap DIRECTORY TARGET OPTION...: makes a Debian of this host's release, or bookworm where this is none. What it needs
# for that lies in the directory.
debian_mmdebstrap() {
	local dir=$1 target=$2
	shift 2
	if ! is_debian; then
		suite_mmdebstrap "$dir" "$target" "$@" --keyring=/usr/share/keyrings/debian-archive-keyring.gpg bookworm
		return
	fi
	# apt knows where a source comes from only after an update.
	debian_sources >"$dir/host.list"
	[ -s "$dir/host.list" ] || { apt-get -q update && debian_sources >"$dir/host.list"; }
	suite_mmdebstrap "$dir" "$target" "$@" "$(debian_release)" "$dir/host.list"
}

# suite_mmdebstrap DIRECTORY TARGET OPTION... SUITE [MIRROR]: of another release, even of Ubuntu; without a mirror mmdebstrap
# knows one.
suite_mmdebstrap() {
	local dir=$1 target=$2 options=()
	shift 2
	while [[ $1 == -* ]]; do options+=("$1") && shift; done
	apt_options >"$dir/apt.conf"
	mmdebstrap --variant=minbase --aptopt="$dir/apt.conf" "${options[@]}" "$1" "$target" "${@:2}"
}
