#!/bin/sh
# {{ header }}
#
# Takes Redis away, in which limits are counted, and looks what becomes of requests.
#
#   sh redis-away.sh MODEL STOP START
#     STOP, START   commands: `docker compose stop redis`, say, and `docker compose start redis`
#
# API_KEY must be of a caller that has a limit, or MODEL must have one.
# [store.redis] when_away = "{{ when_away }}"
set -eu

[ $# -eq 3 ] || {
	sed -n '6,7p' "$0" >&2
	exit 2
}
model=$1 stop=$2 start=$3

. "$(dirname "$0")/gateway.sh"

is_counted() {
	ask "$model"
	[ "$status" = 200 ] || return 1
	${CURL:-curl} --silent --max-time 5 "$gateway/health" | grep -q '"redis":"ok"'
}

is_counted || fail "not well to begin with: status $status, or /health says that Redis is not well"
say "stopping Redis"
trap 'sh -c "$start"; rm -r "$answer"' EXIT
sh -c "$stop"

for _ in 1 2 3 4 5; do
	ask "$model"
	say "status $status after ${seconds}s"
{%- if when_away == "admit" %}
	[ "$status" = 200 ] || fail "requests are admitted by each replica's own counts"
{%- else %}
	[ "$status" = 503 ] || fail "requests are refused while nobody counts them"
	grep -q limits_unavailable "$answer/body" || fail "the error has another code: $(cat "$answer/body")"
	[ -n "$(header retry-after)" ] || fail "the answer does not say when to come back"
{%- endif %}
done

say "starting Redis"
trap 'rm -r "$answer"' EXIT
sh -c "$start"
wait_for "requests are counted again" is_counted
