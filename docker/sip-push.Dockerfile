# The sip-push command. Build it from the root of the repository:
#   docker build -f docker/sip-push.Dockerfile -t sip-push .
FROM node:24-slim AS build
WORKDIR /app
COPY . .
RUN npm ci --ignore-scripts \
 && node node_modules/typescript/bin/tsc -b packages/cli \
 && npm prune --omit=dev --ignore-scripts

FROM node:24-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/packages ./packages
USER node
ENTRYPOINT ["node", "packages/cli/bin/sip-push.mjs"]
CMD ["--help"]
