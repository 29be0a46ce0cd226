//! HTTPS in front of a server, with a certificate of a private authority.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use super::git::{checked, hermetic};

/// The host that the certificate is for, beside `127.0.0.1`.
pub const HOST: &str = "git.example.com";

/// Takes the encryption off and hands on to a port.
pub struct TlsFront {
    process: Child,
    port: u16,
    folder: PathBuf,
}

impl TlsFront {
    /// Keys and certificates are put into `folder`.
    pub fn to(port: u16, folder: &Path) -> TlsFront {
        make_certificates(folder);
        let mut process = hermetic("python3")
            .args(["-c", include_str!("tls_front.py"), &port.to_string()])
            .current_dir(folder)
            // It ends when this pipe does, should the test be killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("start python3, which tests/run installs");
        let stdout = process.stdout.take().expect("its output is a pipe");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("read from python3");
        let port = line.trim().parse().expect("the server prints its port");
        TlsFront { process, port, folder: folder.to_owned() }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self, repo: &str) -> String {
        format!("https://127.0.0.1:{}/{repo}", self.port)
    }

    /// The authority's certificate, for `--ca-file`.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The certificate of an authority that nobody here uses.
    pub fn other_ca_file(&self) -> PathBuf {
        self.folder.join("other-ca.pem")
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        self.process.wait().expect("wait for python3");
    }
}

fn make_certificates(folder: &Path) {
    let config = format!(
        "[req]\n\
         distinguished_name = name\n\
         [name]\n\
         [authority]\n\
         basicConstraints = critical, CA:TRUE\n\
         keyUsage = critical, keyCertSign\n\
         subjectKeyIdentifier = hash\n\
         [server]\n\
         basicConstraints = critical, CA:FALSE\n\
         keyUsage = critical, digitalSignature\n\
         extendedKeyUsage = serverAuth\n\
         subjectKeyIdentifier = hash\n\
         subjectAltName = IP:127.0.0.1, DNS:{HOST}\n"
    );
    std::fs::write(folder.join("openssl.cnf"), config).expect("write openssl's configuration");
    let openssl = |arguments: &str| {
        let arguments: Vec<_> = arguments.split(' ').collect();
        checked(hermetic("openssl").current_dir(folder).args(&arguments));
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config openssl.cnf";
    for name in ["ca", "other-ca"] {
        openssl(&format!(
            "req -x509 {key} -keyout {name}.key -out {name}.pem -days 2 \
             -extensions authority -subj /CN=pinrail-test-{name}"
        ));
    }
    openssl(&format!("req -new {key} -keyout server.key -out server.csr -subj /CN=pinrail-test"));
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
         -extfile openssl.cnf -extensions server -out server.pem",
    );
}
