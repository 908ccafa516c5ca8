//! An nginx in front of a gateway, with the snippet of `deploy/`: Debian's `nginx`.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::PATIENCE;

/// The address of the gateway in the snippet.
const GATEWAY: &str = "127.0.0.1:8080";

/// An nginx with a folder and a port of its own, which ends with this value.
pub struct Nginx {
    child: Child,
    pub address: SocketAddr,
    folder: TempDir,
}

impl Nginx {
    /// Starts one before the gateway at this address.
    pub fn start(gateway: SocketAddr) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let snippet = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/nginx.conf");
        let snippet = fs::read_to_string(snippet).expect("the snippet");
        assert_eq!(snippet.matches(GATEWAY).count(), 2);
        let snippet = snippet.replace(GATEWAY, &gateway.to_string());
        fs::write(folder.path().join("gateway.conf"), snippet).expect("a file");
        // It takes no port 0, so that another program might take this one in between.
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("it is bound");
        drop(free);
        let path = folder.path().display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {path}/{name};\n"))
            .concat();
        let config = format!(
            "daemon off;
             pid {path}/pid;
             error_log {path}/error.log;
             worker_processes 1;
             worker_shutdown_timeout 1s;
             events {{ worker_connections 256; }}
             http {{
                 access_log off;
                 {temporary}
                 server {{ listen {address}; include {path}/gateway.conf; }}
             }}"
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).expect("a file");
        // Debian's is in a folder that is not in everybody's path.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("nginx");
        command.env("PATH", path).arg("-e").arg("stderr").arg("-c");
        let child = command.arg(&file).spawn();
        let mut nginx = Self {
            child: child.expect("nginx starts: install it"),
            address,
            folder,
        };
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = nginx.child.try_wait().expect("it is a child");
            assert!(ended.is_none() && begin.elapsed() < PATIENCE, "{ended:?}");
            sleep(Duration::from_millis(20));
        }
        nginx
    }

    /// Does what `nginx -s reload` does: new workers take over.
    pub fn reload(&self) {
        let id = fs::read_to_string(self.folder.path().join("pid")).expect("its file");
        assert_eq!(id.trim(), self.child.id().to_string());
        self.signal("HUP");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", signal, &id]).status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its workers outlive a process that is killed.
        let id = self.child.id().to_string();
        let _ = Command::new("kill").args(["-s", "TERM", &id]).status();
        let _ = self.child.wait();
    }
}
