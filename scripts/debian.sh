# shellcheck shell=bash
# How mmdebstrap gets its packages from where this host gets them. Sourced, never run.

# The host's own Debian sources, and only those: what third parties offer has no place in an image.
# Nothing when this host is no Debian; mmdebstrap then knows an address itself.
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

# debian_mmdebstrap DIRECTORY TARGET OPTION...: makes a Debian of this host's release, else of bookworm. What it needs for that
# lies in the directory.
debian_mmdebstrap() {
	local dir=$1 target=$2 suite=bookworm mirror=()
	shift 2
	# apt knows where a source comes from only after an update.
	debian_sources >"$dir/host.list"
	[ -s "$dir/host.list" ] || { apt-get -q update && debian_sources >"$dir/host.list"; }
	apt_options >"$dir/apt.conf"
	[ ! -s "$dir/host.list" ] || { suite=$(debian_release) && mirror=("$dir/host.list"); }
	mmdebstrap --variant=minbase --aptopt="$dir/apt.conf" "$@" "$suite" "$target" ${mirror[@]+"${mirror[@]}"}
}
