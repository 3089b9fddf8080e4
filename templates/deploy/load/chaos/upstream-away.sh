#!/bin/sh
# {{ header }}
#
# Takes the upstreams of a model's route away, and looks who answers then.
#
#   sh upstream-away.sh MODEL STOP START
#     STOP, START   commands: `docker compose stop UPSTREAM`, say, and `docker compose start UPSTREAM`
#
# Without fallback models the answer is an error, at once. With them the first request is answered by one of them.
set -eu

[ $# -eq 3 ] || {
	sed -n '6,7p' "$0" >&2
	exit 2
}
model=$1 stop=$2 start=$3

case $model in
{%- for model in models %}
# [routes.{{ model.route }}]
{{ model.name }})
	upstreams='{{ model.upstreams | join(" ") }}'
	fallback='{{ model.fallback | join(" ") }}'
	;;
{%- endfor %}
*)
	echo "upstream-away.sh: no such model: $model" >&2
	exit 2
	;;
esac

. "$(dirname "$0")/gateway.sh"

answers() {
	ask "$model"
	[ "$status" = 200 ] && [ -z "$(header x-fallback-model)" ]
}

is_fallback() {
	case " $fallback " in
	*" $1 "*) return 0 ;;
	*) return 1 ;;
	esac
}

answers || fail "$model is not well to begin with: status $status, fallback '$(header x-fallback-model)'"
say "$model answers; stopping $upstreams"
trap 'sh -c "$start"; rm -r "$answer"' EXIT
sh -c "$stop"

ask "$model"
instead=$(header x-fallback-model)
say "status $status after ${seconds}s, answered by '${instead:-$model}'"
if [ -z "$fallback" ]; then
	case $status in
	502 | 503 | 504) ;;
	*) fail "without a fallback model the answer is 502, 503 or 504" ;;
	esac
elif [ "$status" != 200 ] || ! is_fallback "$instead"; then
	fail "one of these answers instead: $fallback"
fi

say "starting $upstreams"
trap 'rm -r "$answer"' EXIT
sh -c "$start"
wait_for "$model answers again" answers
