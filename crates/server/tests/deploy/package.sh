#!/bin/sh
# Installs, uses, upgrades and purges the package in a throw-away copy of this computer's system: a layer in memory over
# its root, without its network, its processes and its systemd. Arguments: an empty folder, the package, a newer one.
set -eu
world=$1 first=$2 second=$3

say() { echo "STEP $*"; }
within() { chroot "$world/root" "$@"; }
as_user="setpriv --reuid=trunkline --regid=trunkline --clear-groups --no-new-privs --bounding-set=-all"
as_service() { within $as_user "$@"; }
# Asks again until it is so, for a minute.
until_so() {
    tries=0
    until "$@" >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { echo "never so: $*"; cat "$world/serve.log"; exit 1; }
        sleep 0.1
    done
}

mount -t tmpfs none "$world"
mkdir "$world/upper" "$world/work" "$world/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$world/upper,workdir=$world/work" "$world/root"
mount --rbind /dev "$world/root/dev"
mount -t proc proc "$world/root/proc"
mount -t tmpfs none "$world/root/tmp"
mount -t tmpfs none "$world/root/run"
ip link set lo up
cp "$first" "$world/root/tmp/first.deb"
cp "$second" "$world/root/tmp/second.deb"
unset TRUNKLINE_CONFIG
export DEBIAN_FRONTEND=noninteractive NO_COLOR=1
cd /

say install
within dpkg --no-triggers --install /tmp/first.deb
within getent passwd trunkline
within stat -c '%U:%G %a %n' /etc/trunkline /etc/trunkline/GoodConnectServer.exe.config
within trunkline check-config
within systemctl is-enabled trunkline

say serve
# What systemd does by StateDirectory and User.
within install -d -o trunkline -g trunkline -m 0700 /var/lib/trunkline
serve() {
    chroot "$world/root" $as_user trunkline serve --config /etc/trunkline/GoodConnectServer.exe.config \
        >>"$world/serve.log" 2>&1 &
    server=$!
}
serve
until_so within sh -c 'trunkline status --json | grep "\"running\":true"'
within trunkline account add sip:alice@example.test --name Alice
within trunkline account add sip:bob@example.test --name Bob
within trunkline activation issue sip:alice@example.test --json |
    sed 's/.*"accessKey":"\([^"]*\)".*/\1/' >"$world/root/tmp/key"
fingerprint=$(within trunkline status --json | sed 's/.*"fingerprint":"\([^"]*\)".*/\1/')
printf '/quit\n' | within trunkline chat --server https://127.0.0.1:8082 --fingerprint "$fingerprint" \
    --user sip:alice@example.test --access-key-file /tmp/key --state-dir /tmp/phone
within trunkline device list

say reload
within sh -c 'sed -i "s#</appSettings>#<add key=\"DRAIN_SECS\" value=\"3\" />\n  </appSettings>#" /etc/trunkline/GoodConnectServer.exe.config'
as_service trunkline reload --config /etc/trunkline/GoodConnectServer.exe.config

say upgrade
within dpkg --no-triggers --install /tmp/second.deb
kill -TERM $server
wait $server || { cat "$world/serve.log"; exit 1; }
grep -q DRAIN_SECS "$world/root/etc/trunkline/GoodConnectServer.exe.config"
within stat -c '%U:%G %a %n' /etc/trunkline/GoodConnectServer.exe.config
serve
until_so within sh -c 'trunkline status --json | grep "\"running\":true"'
within trunkline account list

say others
# Root must not make files that the service cannot use, even when the service does not run.
kill -TERM $server
wait $server
within trunkline account list && exit 1
as_service trunkline account list

say remove
within dpkg --no-triggers --remove trunkline
test -e "$world/root/var/lib/trunkline/trunkline.db"
test -e "$world/root/etc/trunkline/GoodConnectServer.exe.config"
test ! -e "$world/root/usr/bin/trunkline"

say purge
within dpkg --no-triggers --purge trunkline
find "$world/root/etc/trunkline" "$world/root/var/lib/trunkline" "$world/root/usr/share/doc/trunkline" 2>/dev/null && exit 1
say done
