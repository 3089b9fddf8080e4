#!/bin/sh
# {{ header }}
# [log]
#
# Tells Elasticsearch what log lines hold, and Kibana how to show them. May be run again after each change.
#
#   sh bootstrap.sh
#     ELASTICSEARCH    where it is, http://localhost:9200 if unset
#     KIBANA           where it is, http://localhost:5601 if unset
#     ELASTIC_API_KEY  a key of both, if they ask for one
#     PATIENCE         how long they may take to start, in seconds, 300 if unset
#
# The topic `{{ topic }}` is made by Kafka with the first line, unless its brokers have that turned off.
set -eu

elasticsearch=${ELASTICSEARCH:-http://localhost:9200}
kibana=${KIBANA:-http://localhost:5601}
here=$(dirname "$0")
headers=$(mktemp)
trap 'rm "$headers"' EXIT
trap 'exit 130' INT TERM

# In a file: arguments of programs can be seen by everybody.
{
	echo 'kbn-xsrf: bootstrap'
	if [ -n "${ELASTIC_API_KEY:-}" ]; then
		echo "authorization: ApiKey $ELASTIC_API_KEY"
	fi
} >"$headers"

ask() {
	curl --silent --show-error --fail-with-body --header "@$headers" "$@"
}

wait_for() {
	deadline=$(($(date +%s) + ${PATIENCE:-300}))
	until ask --output /dev/null "$1" 2>/dev/null; do
		[ "$(date +%s)" -lt "$deadline" ] || {
			ask "$1"
			exit 1
		}
		sleep 2
	done
}

wait_for "$elasticsearch/_cluster/health?wait_for_status=yellow&timeout=1s"
ask --request PUT --header 'content-type: application/json' --data-binary "@$here/index-template.json" \
	"$elasticsearch/_index_template/{{ topic }}"
echo

wait_for "$kibana/api/status"
answer=$(ask --form "file=@$here/kibana.ndjson" "$kibana/api/saved_objects/_import?overwrite=true")
echo "$answer"
case $answer in
*'"success":true'*) ;;
*) exit 1 ;;
esac
