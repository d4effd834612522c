# The sip-push command, with the page of the console. Build it from the root of the repository:
#   docker build -f docker/sip-push.Dockerfile -t sip-push:local .
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY . .
# As `npm run build` does; then without what only the build needs.
RUN node scripts/setup.mjs build && npm prune --omit=dev --ignore-scripts

FROM node:24.21.0-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/packages ./packages
# For a gateway on SQLite: SIP_PUSH_DATA_DIRECTORY, with a volume there.
RUN mkdir /var/lib/sip-push && chown node:node /var/lib/sip-push
USER node
ENTRYPOINT ["node", "packages/cli/bin/sip-push.mjs"]
CMD ["--help"]
