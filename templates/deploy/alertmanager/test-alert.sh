#!/bin/sh
# {{ header }}
# [receivers]
#
# Sends a test alert to Alertmanager, which tells whoever is told of its severity. It is over after five minutes.
#
#   sh test-alert.sh [SEVERITY [ALERTMANAGER]]      default: critical http://127.0.0.1:9093
set -eu

severity=${1:-critical}
alertmanager=${2:-http://127.0.0.1:9093}

case $severity in
{{ severities | join(" | ") }}) ;;
*)
	echo "test-alert.sh: no such severity: $severity (one of {{ severities | join(", ") }})" >&2
	exit 2
	;;
esac

exec amtool --alertmanager.url="$alertmanager" alert add GatewayTestAlert \
	job={{ job }} severity="$severity" \
	--annotation=summary="this is a test" \
	--annotation=description="Somebody tries whether alerts arrive."
