# The packet filter's rules, as a Docker engine finds them and leaves them. The engine takes none of its own back.
# shellcheck shell=bash

# rules_of TOOL TABLE: policies, chains and rules, sorted.
rules_of() {
    "$1" -w -t "$2" -S 2> /dev/null | LC_ALL=C sort
}

# each_table FUNCTION DIRECTORY
each_table() {
    local tool table
    for tool in iptables ip6tables; do
        for table in filter nat mangle raw; do
            "$1" "$tool" "$table" "$2/$tool-$table"
        done
    done
}

save_rules() {
    mkdir -p "$1"
    save_table() { rules_of "$1" "$2" > "$3" || true; }
    each_table save_table "$1"
}

# Takes back what was added since save_rules, and only that.
restore_rules() {
    restore_table() {
        local added line
        added=$(rules_of "$1" "$2" | LC_ALL=C comm -13 "$3" -)
        # Rules first: a chain goes when it is empty and nothing leads to it. xargs takes iptables' quotes apart.
        while read -r line; do
            echo "$line" | xargs "$1" -w -t "$2"
        done < <(sed -n 's/^-A /-D /p' <<< "$added")
        while read -r line; do
            "$1" -w -t "$2" -X "$line"
        done < <(sed -n 's/^-N //p' <<< "$added")
        # shellcheck disable=SC2046 # a chain and its policy
        while read -r line; do
            xargs "$1" -w -t "$2" <<< "$line"
        done < <(grep '^-P ' "$3")
    }
    each_table restore_table "$1"
}
