# SmtWeb in one image: the panel, the worker and the trainer are one program (smtweb), told apart by its role.
# No Docker engine exists where this was written: the file is untested. What it does is what run.sh does and tests.
#
# The base is Debian 12 and not the .NET 10 image (Debian 13, Ubuntu), because libtorch 1.13 with its OpenCV, protobuf
# and glog is one consistent set of Debian 12 packages; the SDK comes from Microsoft's installation script.

FROM debian:bookworm-slim AS base
ENV DEBIAN_FRONTEND=noninteractive DOTNET_ROOT=/usr/share/dotnet PATH=/usr/share/dotnet:$PATH \
    DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates curl tini && rm -rf /var/lib/apt/lists/* \
 && curl -fsSL https://dot.net/v1/dotnet-install.sh -o /usr/local/bin/dotnet-install && chmod +x /usr/local/bin/dotnet-install

FROM base AS build
RUN apt-get update && apt-get install -y --no-install-recommends libtorch-dev g++ cmake make && rm -rf /var/lib/apt/lists/* \
 && dotnet-install --channel 10.0 --install-dir /usr/share/dotnet
WORKDIR /source
COPY . .
RUN dotnet publish src/SmtWeb.Web -c Release -o /app

FROM base
# The database comes with the image too: without a connection string the program runs a private PostgreSQL in /data.
RUN mkdir -p /etc/postgresql-common/createcluster.d \
 && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/smtweb.conf \
 && apt-get update && apt-get install -y --no-install-recommends \
      libtorch1.13 libopenblas0-pthread postgresql dataset-fashion-mnist liblmdb0 \
 && rm -rf /var/lib/apt/lists/* \
 && dotnet-install --channel 10.0 --runtime aspnetcore --install-dir /usr/share/dotnet \
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin smtweb && install -d -o smtweb -g smtweb -m 0700 /data
COPY --from=build /app /app
# docs/adr/0012-cpu.md: the fast BLAS, and threads that sleep while they wait
ENV OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=10000 LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu/openblas-pthread \
    SmtWeb__Data=/data SmtWeb__Host=* SmtWeb__Port=5080
USER smtweb
WORKDIR /app
VOLUME /data
EXPOSE 5080
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD curl -fsS http://127.0.0.1:5080/health || exit 1
# tini reaps the trainer processes; SIGTERM lets a running attempt write its checkpoint (stop_grace_period in compose)
ENTRYPOINT ["tini", "--", "/app/smtweb"]
CMD ["serve"]
