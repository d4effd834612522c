#!/bin/bash
# Exit code 0 when a SIP server answers OPTIONS with 200 over TCP: answers.sh ADDRESS PORT. For health checks.
set -u
exec 3<>"/dev/tcp/$1/$2" || exit 1
printf '%s\r\n' "OPTIONS sip:$1:$2 SIP/2.0" "Via: SIP/2.0/TCP $1;branch=z9hG4bK$RANDOM$$" "Max-Forwards: 70" \
  "From: <sip:health@$1>;tag=$$" "To: <sip:$1:$2>" "Call-ID: $RANDOM$$@$1" "CSeq: 1 OPTIONS" "Content-Length: 0" "" >&3
read -r -t 2 status <&3 && [[ $status == "SIP/2.0 200 "* ]]
