"""One node with its control plane: the processes of a real Kubernetes cluster, each with its own log.

It is started inside network, mount and PID namespaces of its own (`cluster.py run`): when the first process there
ends, everything ends. What was learnt by trying, and is not obvious: containerd needs `restrict_oom_score_adj` where
CAP_SYS_RESOURCE is missing; there is no `dummy` device, so a veth pair holds the node's address; cgroups stay as
they are.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from images import PAUSE
from places import BIN, sh

ADDRESS, PODS, SERVICES = "10.99.0.1", "10.244.0.0/24", "10.96.0.0/16"
NAMES = ",".join(
    (
        *("IP:127.0.0.1", f"IP:{ADDRESS}", "IP:10.96.0.1", "DNS:localhost"),
        *("DNS:kubernetes.default", "DNS:kubernetes.default.svc", "DNS:kubernetes.default.svc.cluster.local"),
    )
)
"""What the API server's certificate is valid for."""


class Node:
    """Everything of one cluster under one folder: keys, configuration, logs, data."""

    def __init__(self, work: Path) -> None:
        self.work, self.pki, self.log = work, work / "pki", work / "log"
        self.kubeconfig = work / "admin.conf"
        self.socket = work / "containerd.sock"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        for folder in (self.pki, self.log, work / "cni"):
            folder.mkdir(parents=True)

    def start(self) -> None:
        """Start everything and wait until a pod could run."""
        self.network()
        self.certificates()
        self.control_plane()
        self.wait("kube-apiserver", 60, lambda: self.kubectl("get", "--raw", "/readyz") == "ok")
        self.containers()
        self.services()
        condition = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
        self.wait("node", 90, lambda: self.kubectl("get", "node", "node1", "-o", condition) == "True")
        account = ("-n", "default", "get", "serviceaccount", "default", "-o", "name")
        self.wait("service account", 30, lambda: bool(self.kubectl(*account)))

    def stop(self) -> None:
        """End everything, the youngest first."""
        for process in reversed(self.processes.values()):
            process.terminate()

    def kubectl(self, *argv: str) -> str:
        """Run kubectl as the administrator."""
        return sh(BIN / "kubectl", f"--kubeconfig={self.kubeconfig}", *argv, quiet=True)

    def load(self, archive: Path) -> None:
        """Give an image to containerd."""
        sh("ctr", "-a", self.socket, "-n", "k8s.io", "images", "import", archive)

    def wait(self, what: str, seconds: float, ready: Callable[[], bool]) -> None:
        """Wait until something is ready; ends the program with the last lines of the logs when it does not get so."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if ready():
                    return
            except subprocess.CalledProcessError:
                pass
            time.sleep(0.2)
        tails = (f"--- {log.name}\n{log.read_text()[-1500:]}" for log in sorted(self.log.iterdir()))
        raise SystemExit("\n".join([*tails, f"{what} was not ready after {seconds} s"]))

    def spawn(self, program: str, *flags: str, path: str | None = None) -> None:
        """Start a program of the cluster; its output goes to a log of its name."""
        with (self.log / f"{program}.log").open("wb") as out:
            self.processes[program] = subprocess.Popen(
                [path or str(BIN / program), *flags],
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def network(self) -> None:
        """Give the namespace an address, and a default route, without which pods get none."""
        for line in (
            "link set lo up",
            "link add node0 type veth peer name node0p",
            f"addr add {ADDRESS}/24 dev node0",
            "link set node0 up",
            "link set node0p up",
            f"route add default via {ADDRESS} dev node0",
        ):
            sh("ip", *line.split())
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

    def certificates(self) -> None:
        """Make the keys of tokens, one authority, the server's certificate, and the administrator's."""
        pki = self.pki
        self.openssl("genrsa", "-out", f"{pki}/sa.key", "2048")
        self.openssl("rsa", "-in", f"{pki}/sa.key", "-pubout", "-out", f"{pki}/sa.pub")
        authority = ("-keyout", f"{pki}/ca.key", "-out", f"{pki}/ca.crt", "-subj", "/CN=ca", "-days", "30")
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", *authority)
        self.certificate("apiserver", "/CN=kube-apiserver", f"subjectAltName={NAMES}")
        self.certificate("admin", "/O=system:masters/CN=admin", "basicConstraints=CA:FALSE")
        self.kubeconfig.write_text(json.dumps(self.administrator()))

    def openssl(self, *argv: str) -> None:
        """Run openssl."""
        sh("openssl", *argv, quiet=True)

    def certificate(self, name: str, subject: str, extension: str) -> None:
        """Make a key and a certificate of our authority."""
        own = str(self.pki / name)
        (self.pki / "ext").write_text(extension)
        asked = ("-keyout", f"{own}.key", "-out", f"{own}.csr", "-subj", subject)
        self.openssl("req", "-newkey", "rsa:2048", "-nodes", *asked)
        signer = ("-CA", f"{self.pki}/ca.crt", "-CAkey", f"{self.pki}/ca.key", "-CAcreateserial")
        signed = ("-in", f"{own}.csr", "-out", f"{own}.crt", "-days", "30", "-extfile", f"{self.pki}/ext")
        self.openssl("x509", "-req", *signer, *signed)

    def administrator(self) -> dict[str, object]:
        """Give the administrator's kubeconfig."""

        def encoded(name: str) -> str:
            return base64.b64encode((self.pki / name).read_bytes()).decode()

        server = {"server": f"https://{ADDRESS}:6443", "certificate-authority-data": encoded("ca.crt")}
        user = {"client-certificate-data": encoded("admin.crt"), "client-key-data": encoded("admin.key")}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "upwell-test",
            "clusters": [{"name": "upwell-test", "cluster": server}],
            "users": [{"name": "admin", "user": user}],
            "contexts": [{"name": "upwell-test", "context": {"cluster": "upwell-test", "user": "admin"}}],
        }

    def control_plane(self) -> None:
        """Start etcd, the API server, the controllers and the scheduler."""
        pki, conf = self.pki, f"--kubeconfig={self.kubeconfig}"
        local = "http://127.0.0.1"
        self.spawn(
            "etcd",
            f"--data-dir={self.work}/etcd",
            f"--listen-client-urls={local}:2379",
            f"--advertise-client-urls={local}:2379",
            f"--listen-peer-urls={local}:2380",
            "--unsafe-no-fsync",  # nothing of it outlives the command
        )
        self.spawn("kube-apiserver", *self.api_server())
        self.spawn(
            "kube-controller-manager",
            conf,
            f"--service-account-private-key-file={pki}/sa.key",
            f"--root-ca-file={pki}/ca.crt",
            f"--cluster-signing-cert-file={pki}/ca.crt",
            f"--cluster-signing-key-file={pki}/ca.key",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
        )
        self.spawn("kube-scheduler", conf, "--leader-elect=false")

    def api_server(self) -> list[str]:
        """Give the API server's flags."""
        pki = self.pki
        return [
            "--etcd-servers=http://127.0.0.1:2379",
            "--secure-port=6443",
            "--bind-address=0.0.0.0",
            f"--advertise-address={ADDRESS}",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            f"--client-ca-file={pki}/ca.crt",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            "--authorization-mode=Node,RBAC",
            f"--service-cluster-ip-range={SERVICES}",
            "--allow-privileged=true",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={pki}/admin.crt",
            f"--kubelet-client-key={pki}/admin.key",
            "--profiling=false",
        ]

    def containers(self) -> None:
        """Start containerd and the kubelet."""
        (self.work / "cni/10-pods.conflist").write_text(json.dumps(self.pod_network()))
        (self.work / "containerd.toml").write_text(self.containerd())
        (self.work / "kubelet.yaml").write_text(json.dumps(self.kubelet()))
        self.spawn("containerd", "-c", f"{self.work}/containerd.toml", path="containerd")
        self.wait("containerd", 20, self.socket.exists)
        self.spawn(
            "kubelet",
            f"--kubeconfig={self.kubeconfig}",
            f"--config={self.work}/kubelet.yaml",
            f"--root-dir={self.work}/kubelet",
            "--hostname-override=node1",
            f"--node-ip={ADDRESS}",
        )

    def services(self) -> None:
        """Start what makes Services work: addresses (kube-proxy) and names (CoreDNS)."""
        self.spawn(
            "kube-proxy",
            f"--kubeconfig={self.kubeconfig}",
            "--proxy-mode=nftables",
            "--hostname-override=node1",
            "--conntrack-max-per-core=0",  # the limits of the host cannot be set from here
            "--conntrack-tcp-timeout-established=0s",
            "--conntrack-tcp-timeout-close-wait=0s",
            f"--cluster-cidr={PODS}",
        )
        zone = f" kubernetes cluster.local in-addr.arpa {{\n  kubeconfig {self.kubeconfig} upwell-test\n }}\n"
        (self.work / "Corefile").write_text(f".:53 {{\n bind {ADDRESS}\n errors\n{zone} cache 5\n}}\n")
        self.spawn("coredns", "-conf", f"{self.work}/Corefile")

    def pod_network(self) -> dict[str, object]:
        """Give the CNI configuration: a bridge with addresses for pods."""
        addresses = {
            "type": "host-local",
            "dataDir": f"{self.work}/ipam",
            "ranges": [[{"subnet": PODS}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        }
        bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True}
        ports = {"type": "portmap", "capabilities": {"portMappings": True}}
        return {"cniVersion": "1.0.0", "name": "pods", "plugins": [{**bridge, "ipam": addresses}, ports]}

    def containerd(self) -> str:
        """Give containerd's configuration."""
        return f"""
version = 2
root = "{self.work}/containerd"
state = "{self.work}/containerd-state"
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{self.work}/cni"
"""

    def kubelet(self) -> dict[str, object]:
        """Give the kubelet's configuration: no cgroups of its own, no image is ever thrown away."""
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": ADDRESS,
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": f"{self.pki}/ca.crt"},
            },
            "authorization": {"mode": "Webhook"},
            "cgroupDriver": "cgroupfs",
            "cgroupsPerQOS": False,
            "enforceNodeAllocatable": [],
            "containerRuntimeEndpoint": f"unix://{self.socket}",
            "failSwapOn": False,
            "clusterDNS": [ADDRESS],
            "clusterDomain": "cluster.local",
            "imageGCHighThresholdPercent": 100,
            "evictionHard": {"nodefs.available": "1%", "imagefs.available": "1%", "memory.available": "50Mi"},
            "syncFrequency": "5s",
            "podLogsDir": f"{self.work}/pods",  # two kubelets on /var/log/pods delete each other's logs
            "serializeImagePulls": False,
        }


def environment(kubeconfig: Path) -> dict[str, str]:
    """Give what a command inside sees: the cluster, kubectl, and the word that this cluster may be used for tests."""
    path = f"{BIN}:{os.environ['PATH']}"
    return {**os.environ, "KUBECONFIG": str(kubeconfig), "UPWELL_TEST_CLUSTER": "1", "PATH": path}
