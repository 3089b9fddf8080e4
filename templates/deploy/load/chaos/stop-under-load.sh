#!/bin/sh
# {{ header }}
#
# Asks the gateway to stop while it streams an answer: the stream ends as it should.
#
#   sh stop-under-load.sh MODEL STOP START
#     STOP, START   commands: `docker compose kill --signal SIGTERM gateway`, say, and `docker compose up --detach gateway`
#
# [gateway] shutdown_grace: streams have {{ grace }} to end. STOP must not wait for that, and must not kill before it.
set -eu

[ $# -eq 3 ] || {
	sed -n '6,7p' "$0" >&2
	exit 2
}
model=$1 stop=$2 start=$3

. "$(dirname "$0")/gateway.sh"

stream=$answer/stream
begins() {
	[ -s "$stream" ]
}

is_ready() {
	${CURL:-curl} --silent --fail --max-time 5 --output "$answer/ready" "$gateway/ready"
}

is_ready || fail "the gateway is not ready to begin with"
${CURL:-curl} --silent --no-buffer --max-time {{ grace_seconds }} --output "$stream" \
	--header "@$answer/headers" \
	--data "{\"model\": \"$model\", \"stream\": true, \"max_tokens\": 256, \"messages\": [{\"role\": \"user\", \"content\": \"Count to one hundred, in words.\"}]}" \
	"$gateway{{ path }}" &
client=$!
wait_for "the stream begins" begins
trap 'sh -c "$start"; rm -r "$answer"' EXIT
! grep -q '^data: \[DONE\]' "$stream" || fail "the stream was over before the stop: ask a slower model"
say "stopping the gateway"
sh -c "$stop"

wait "$client" || fail "the stream broke off: curl ended with $?"
tail -n 2 "$stream" | grep -q '^data: \[DONE\]' || fail "the stream has no end: $(tail -n 2 "$stream")"
say "the stream is whole"

trap 'rm -r "$answer"' EXIT
sh -c "$start"
wait_for "the gateway is ready again" is_ready
