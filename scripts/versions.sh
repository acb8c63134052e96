# What the scripts install, pinned: the one place to change a version.
# (Crates are pinned in Cargo.lock, the console's packages in web/package-lock.json.)

RUST_MINIMUM=1.95 # rust-version in Cargo.toml

NODE_VERSION=24.21.0     # the newest that upstream OpenClaw runs on
NODE_MINIMUM=20.19       # engines in web/package.json
OPENCLAW_VERSION=2026.9.6

OPENAI_PYTHON_VERSION=3.52.0 # PyPI
OPENAI_NODE_VERSION=7.55.0   # npm
ANTHROPIC_PYTHON_VERSION=2.12.0 # PyPI
ANTHROPIC_NODE_VERSION=1.12.0   # npm

KUBERNETES_VALIDATE_VERSION=1.37.0 # PyPI; the schemas of Kubernetes 1.37 and older

PORTKEY_VERSION=1.15.2  # npm
LITELLM_VERSION=1.106.0 # PyPI
