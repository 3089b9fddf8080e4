# {{ header }}
#
# What the scenarios share; they read it. Settings, from the environment:
#   GATEWAY   where the gateway is, {{ url }} if unset{% if credential %}
#   API_KEY   who asks: {{ credential }}{% endif %}
#   PATIENCE  how long something may take to come back, in seconds, 900 if unset
#   CURL      curl with arguments of one's own, `curl --cacert ca.pem`

# shellcheck shell=sh
gateway=${GATEWAY:-{{ url }}}
patience=${PATIENCE:-900}
{%- if credential %}
: "${API_KEY:?set it to {{ credential }}}"
{%- endif %}
answer=$(mktemp -d)
trap 'rm -r "$answer"' EXIT
trap 'exit 130' INT TERM

# What each request says, in a file: arguments of programs can be seen by everybody.
{
	echo 'content-type: application/json'
{%- if credential %}
	echo "authorization: Bearer $API_KEY"
{%- endif %}
} >"$answer/headers"

say() {
	echo "$(date +%T) $*"
}

fail() {
	say "NOT AS EXPECTED: $*" >&2
	exit 1
}

# Asks a model with more arguments of curl; the answer goes to $answer/body, its head to $answer/head. Sets $status,
# 000 without an answer, and $seconds.
ask() {
	model=$1
	shift
	: >"$answer/head"
	: >"$answer/body"
	said=$(${CURL:-curl} --silent --max-time {{ most_seconds }} --output "$answer/body" --dump-header "$answer/head" \
		--write-out '%{http_code} %{time_total}' \
		--header "@$answer/headers" \
		--data "{\"model\": \"$model\", \"max_tokens\": 16, \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}" \
		"$@" "$gateway{{ path }}") || true
	status=${said% *}
	seconds=${said#* }
}

# The value of a header of the last answer.
header() {
	tr -d '\r' <"$answer/head" | sed -n "s/^$1: //Ip"
}

# Runs a command again and again until it succeeds.
wait_for() {
	what=$1
	shift
	deadline=$(($(date +%s) + patience))
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || fail "$what: not within ${patience}s"
		sleep 1
	done
	say "$what"
}
