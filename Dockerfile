# SmtWeb in one image: the panel, the worker and the trainer are one program (smtweb), told apart by its role. Two targets:
#   docker build -t smtweb .                          for CPUs
#   docker build -t smtweb:gpu --target gpu .         for NVIDIA GPUs; the host needs a driver of CUDA 12 and nvidia-container-toolkit
# No Docker engine exists where this was written: the file is untested. What it does is what run.sh does and tests.
#
# Microsoft's .NET 10 images are Ubuntu 24.04, whose libstdc++ has what TorchSharp asks for: nothing is patched here.

FROM mcr.microsoft.com/dotnet/sdk:10.0 AS source
ENV DEBIAN_FRONTEND=noninteractive DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
RUN apt-get update && apt-get install -y --no-install-recommends g++ libgloo-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .

FROM source AS publish-cpu
RUN dotnet publish src/SmtWeb.Web -c Release -o /app -p:TorchDevice=cpu -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false

# about 3 GB of packages, which a cache mount keeps from one build to the next
FROM source AS publish-gpu
RUN --mount=type=cache,target=/root/.nuget/packages dotnet publish src/SmtWeb.Web -c Release -o /app -p:TorchDevice=cuda -p:RunAnalyzers=false -p:EnforceCodeStyleInBuild=false

FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS base
ENV DEBIAN_FRONTEND=noninteractive
# The database comes with the image too: without a connection string the program runs a private PostgreSQL in /data.
# libgomp1 is for the kernels; Gloo connects the ranks of a run on several devices.
RUN mkdir -p /etc/postgresql-common/createcluster.d \
 && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/smtweb.conf \
 && apt-get update && apt-get install -y --no-install-recommends \
      ca-certificates curl tini postgresql dataset-fashion-mnist libgomp1 libgloo0 liblmdb0 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin smtweb && install -d -o smtweb -g smtweb -m 0700 /data
# docs/adr/0012-cpu.md: threads that sleep while they wait
ENV OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=10000 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 \
    SmtWeb__Data=/data SmtWeb__Host=* SmtWeb__Port=5080
WORKDIR /app
VOLUME /data
EXPOSE 5080
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD curl -fsS http://127.0.0.1:5080/health || exit 1
# tini reaps the trainer processes; SIGTERM lets a running attempt write its checkpoint (stop_grace_period in compose)
ENTRYPOINT ["tini", "--", "/app/smtweb"]
CMD ["serve"]

FROM base AS gpu
# The driver's libraries come from the host; CUDA and cuDNN with libtorch. NCCL connects several GPUs.
RUN curl -fsSLo /tmp/cuda-keyring.deb https://developer.download.nvidia.com/compute/cuda/repos/ubuntu2404/x86_64/cuda-keyring_1.1-1_all.deb \
 && dpkg -i /tmp/cuda-keyring.deb && rm /tmp/cuda-keyring.deb \
 && apt-get update && apt-get install -y --no-install-recommends 'libnccl2=*+cuda12.8' && rm -rf /var/lib/apt/lists/*
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=publish-gpu /app /app
USER smtweb

FROM base AS cpu
COPY --from=publish-cpu /app /app
USER smtweb
