# Kamailio 5.6 of Debian 12: the same packages that the interop tests use.
FROM debian:12.11-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends kamailio kamailio-websocket-modules kamailio-outbound-modules \
    kamailio-presence-modules kamailio-tls-modules \
 && rm -rf /var/lib/apt/lists/*
# The "reg" event package keeps a table there.
COPY --chown=kamailio:kamailio kamailio/dbtext /var/lib/kamailio/dbtext
USER kamailio
# -Y: control sockets. The configuration and the listen addresses come from compose.yaml.
ENTRYPOINT ["kamailio", "-DD", "-E", "-Y", "/tmp"]
