#!/bin/bash
# Proves rules.sh on a network of its own: rules as Docker adds them are taken back, those of others stay.
set -euo pipefail
cd "$(dirname "$0")"
[ "${1:-}" = inside ] || exec unshare --net ./rules_test.sh inside
. ./rules.sh
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT

all_rules() {
    for tool in iptables ip6tables; do
        for table in filter nat; do
            $tool -t $table -S
        done
    done
}

iptables -N OTHERS
iptables -A FORWARD -j OTHERS
iptables -A OTHERS -s 192.0.2.0/24 -m comment --comment 'not the engine'"'"'s' -j DROP
iptables -t nat -A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE
wanted=$(all_rules)
save_rules "$before"

iptables -P FORWARD DROP
for chain in DOCKER DOCKER-ISOLATION-STAGE-1 DOCKER-ISOLATION-STAGE-2 DOCKER-USER; do
    iptables -N $chain
done
iptables -I FORWARD -o docker0 -j DOCKER
iptables -I FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -I FORWARD -j DOCKER-ISOLATION-STAGE-1
iptables -I FORWARD -j DOCKER-USER
iptables -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
iptables -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
iptables -A DOCKER-USER -m comment --comment 'two words' -j RETURN
iptables -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
# A second one like another's.
iptables -t nat -A POSTROUTING -s 192.0.2.0/24 -j MASQUERADE
ip6tables -N DOCKER-USER
ip6tables -I FORWARD -j DOCKER-USER

restore_rules "$before"
diff <(echo "$wanted") <(all_rules) || { echo 'rules: FAILED: this is left, or gone' >&2; exit 1; }
echo 'rules: what an engine adds is taken back'
