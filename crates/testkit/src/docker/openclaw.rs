//! Upstream's image, put together from the npm package that `scripts/setup` has installed: laid out as upstream's own, with the Node, the
//! shell and the libraries of this host. Nothing is fetched.

use std::path::Path;

use tokio::process::Command;

use super::Engine;

/// `$1` has `node_modules/{node,openclaw}`. Upstream's gateway is started as `node dist/index.js` where its image begins, by user 1000.
const ROOT: &str = r#"
set -eu
mkdir -p app usr/bin usr/local/bin usr/lib usr/lib64 etc/ssl/certs home/node tmp
ln -s usr/bin bin && ln -s usr/lib lib && ln -s usr/lib64 lib64
chmod 1777 tmp && chown 1000:1000 home/node
for name in sh bash cat env ls mkdir rm cp mv uname id sed grep ps; do cp "$(readlink -f "$(command -v "$name")")" "usr/bin/$name"; done
cp "$1/node_modules/node/bin/node" usr/local/bin/node
for program in usr/bin/* usr/local/bin/node; do
    { ldd "$program" 2>/dev/null || true; } | grep -o '/[^ ]*' || true
done | sort -u | while read -r library; do install -D "$library" ".$library"; done
echo 'node:x:1000:1000::/home/node:/bin/bash' >etc/passwd
echo 'node:x:1000:' >etc/group
echo 'hosts: files dns' >etc/nsswitch.conf
cp /etc/ssl/certs/ca-certificates.crt etc/ssl/certs/
cp -al "$1/node_modules" app/node_modules 2>/dev/null || cp -a "$1/node_modules" app/node_modules
rm -rf app/node_modules/node app/node_modules/node-bin-*
tar -c . | docker import --change 'WORKDIR /app/node_modules/openclaw' --change 'USER node' - "$2"
"#;

impl Engine {
    /// Makes upstream's image; `installed` is where npm installed it.
    ///
    /// # Panics
    /// If it cannot be made.
    pub async fn openclaw_image(&self, installed: &Path, name: &str) {
        let root = tempfile::tempdir().expect("there is room for a directory");
        let mut made = Command::new("bash");
        made.args(["-o", "pipefail", "-c", ROOT, "root"])
            .arg(installed)
            .arg(name);
        made.current_dir(root.path()).env("DOCKER_HOST", self.host());
        let made = made.output().await.expect("there is a shell");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
}
