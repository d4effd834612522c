#!/bin/sh
# Makes the certificates of the TLS tests anew: one authority, and one certificate per question that the tests ask.
# They are worth nothing outside: nobody trusts the authority, and its key is thrown away. Valid from 2026 to 2126.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
valid="-startdate 20260101000000Z -enddate 21260101000000Z"
usage=serverAuth,clientAuth

authority() { # file name, common name
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/$1.key"
  openssl req -new -key "$work/$1.key" -subj "/CN=$2" -out "$work/$1.csr"
  printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' >"$work/$1.ext"
  sign "$1" -selfsign -keyfile "$work/$1.key"
}

sign() { # file name, who signs
  name=$1
  shift
  mkdir -p "$work/db" && : >"$work/db/index" && openssl rand -hex 16 >"$work/db/serial"
  printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s/db/index\nserial=%s/db/serial\nnew_certs_dir=%s/db\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n' \
    "$work" "$work" "$work" >"$work/ca.cnf"
  openssl ca -batch -notext -config "$work/ca.cnf" $valid -extfile "$work/$name.ext" -in "$work/$name.csr" -out "$name.crt" "$@"
}

certificate() { # file name, common name, subjectAltName or "", authority
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=$2" -out "$work/$1.csr"
  printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "$usage" >"$work/$1.ext"
  if [ -n "$3" ]; then printf 'subjectAltName=%s\n' "$3" >>"$work/$1.ext"; fi
  sign "$1" -cert "$4.crt" -keyfile "$work/$4.key"
}

authority authority "SIP Push test authority"
authority stranger "Nobody knows this authority"
certificate server "ignored.example.test" "URI:sip:example.test,DNS:proxy.example.test,IP:127.0.0.1,IP:::1" authority
certificate client "alice" "URI:sip:client.example.test" authority
certificate dns-only "ignored.example.test" "DNS:example.test,URI:sip:alice@example.org,URI:https://example.net" authority
certificate common-name "example.test" "" authority
certificate wildcard "*.example.test" "DNS:*.example.test" authority
certificate wrong-name "other.example" "URI:sip:other.example" authority
certificate untrusted "example.test" "URI:sip:example.test,IP:127.0.0.1" stranger
usage=clientAuth
certificate client-only "example.test" "URI:sip:example.test,IP:127.0.0.1" authority
usage=serverAuth,clientAuth
valid="-startdate 20250101000000Z -enddate 20250201000000Z"
certificate expired "example.test" "URI:sip:example.test,IP:127.0.0.1" authority
rm -f stranger.crt
