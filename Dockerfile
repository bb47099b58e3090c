# The inside of a Docker sandbox: the same Debian packages that bubblewrap uses from the host, so that both run the same versions.
FROM debian:bookworm-slim
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--path-exclude=/usr/include/* \
      -o Dpkg::Options::=--path-exclude=/usr/share/doc/* -o Dpkg::Options::=--path-exclude=/usr/share/man/* \
      python3 python3-pandas python3-scipy python3-sklearn python3-statsmodels python3-matplotlib python3-openpyxl libopenblas0-pthread \
 && rm -rf /var/lib/apt/lists/*
COPY passwd group /etc/
COPY --chown=0:0 runner.py /opt/runner/runner.py
COPY --chown=0:0 _inside /opt/runner/_inside
RUN mkdir -p /data /scratch && chmod -R a+rX,a-w /opt/runner && chmod a+x /opt/runner/_inside/commands/* && python3 -c "import pandas, scipy, sklearn, statsmodels, matplotlib, openpyxl"
USER 10001:10001
WORKDIR /scratch
CMD ["/usr/bin/python3", "-s", "-P", "-u", "/opt/runner/runner.py"]
