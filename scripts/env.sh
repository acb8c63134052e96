# Where the pinned tools are. Sourced by the scripts; tests and the fleet read the exported names.

# shellcheck source=scripts/versions.sh
. "$(dirname "${BASH_SOURCE[0]}")/versions.sh"

CREEL_CACHE=${CREEL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/creel}
export CREEL_CACHE

# Upstream OpenClaw with the Node it needs: node_modules/{node,openclaw} in here.
export CREEL_OPENCLAW_CACHE=${CREEL_OPENCLAW_CACHE:-$CREEL_CACHE/openclaw-$OPENCLAW_VERSION}
# The official OpenAI SDKs: bin/python with `openai` in it, and node_modules/openai.
export CREEL_OPENAI_PYTHON=${CREEL_OPENAI_PYTHON:-$CREEL_CACHE/openai-python-$OPENAI_PYTHON_VERSION}
export CREEL_OPENAI_NODE=${CREEL_OPENAI_NODE:-$CREEL_CACHE/openai-node-$OPENAI_NODE_VERSION}
# The official Anthropic SDKs: bin/python with `anthropic` in it, and node_modules/@anthropic-ai/sdk.
export CREEL_ANTHROPIC_PYTHON=${CREEL_ANTHROPIC_PYTHON:-$CREEL_CACHE/anthropic-python-$ANTHROPIC_PYTHON_VERSION}
export CREEL_ANTHROPIC_NODE=${CREEL_ANTHROPIC_NODE:-$CREEL_CACHE/anthropic-node-$ANTHROPIC_NODE_VERSION}
# What judges manifests: bin/kubernetes-validate.
export CREEL_KUBERNETES_VALIDATE=${CREEL_KUBERNETES_VALIDATE:-$CREEL_CACHE/kubernetes-validate-$KUBERNETES_VALIDATE_VERSION}
# What the LLM Gateway is compared with: node_modules/@portkey-ai/gateway, and bin/litellm.
export CREEL_PORTKEY=${CREEL_PORTKEY:-$CREEL_CACHE/portkey-$PORTKEY_VERSION}
export CREEL_LITELLM=${CREEL_LITELLM:-$CREEL_CACHE/litellm-$LITELLM_VERSION}

# Where rustup puts cargo.
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
export PATH
