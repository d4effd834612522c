#!/bin/sh
# Makes the certificates of the HTTP tests anew: one authority and who it vouches for, and a stranger. They are worth nothing
# outside: nobody trusts the authority, and its key is thrown away. Valid from 2026 to 2126.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
valid="-startdate 20260101000000Z -enddate 21260101000000Z"

sign() { # file name, who signs
  name=$1
  shift
  mkdir -p "$work/db" && : >"$work/db/index" && openssl rand -hex 16 >"$work/db/serial"
  printf '[ca]\ndefault_ca=d\n[d]\ndatabase=%s/db/index\nserial=%s/db/serial\nnew_certs_dir=%s/db\ndefault_md=sha256\npolicy=p\nunique_subject=no\n[p]\ncommonName=supplied\n' \
    "$work" "$work" "$work" >"$work/ca.cnf"
  openssl ca -batch -notext -config "$work/ca.cnf" $valid -extfile "$work/$name.ext" -in "$work/$name.csr" -out "$name.crt" "$@"
}

authority() { # file name
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/$1.key"
  openssl req -new -key "$work/$1.key" -subj "/CN=PPG tests $1" -out "$work/$1.csr"
  printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n' >"$work/$1.ext"
  sign "$1" -selfsign -keyfile "$work/$1.key"
}

certificate() { # file name, subjectAltName, authority
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
  openssl req -new -key "$1.key" -subj "/CN=calendar.example.test" -out "$work/$1.csr"
  printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=%s\n' "$2" >"$work/$1.ext"
  sign "$1" -cert "$3.crt" -keyfile "$work/$3.key"
}

authority authority
authority stranger
certificate server "DNS:localhost,IP:127.0.0.1,IP:::1" authority
certificate second "DNS:localhost,IP:127.0.0.1,IP:::1" authority
certificate calendar "DNS:other.example.test,DNS:Calendar.example.test" authority
certificate unknown "DNS:unknown.example.test" authority
certificate untrusted "DNS:calendar.example.test" stranger
rm -f stranger.crt
