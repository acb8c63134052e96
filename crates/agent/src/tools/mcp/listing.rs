//! The tools that a server lists, page by page, and no more than a model can be told of: the server may be a stranger's, and many users share
//! the memory of one gateway. What a single message may hold is bounded by the SDK (16 MiB), what a tool answers by
//! [`RESULT_LIMIT`](crate::tools::RESULT_LIMIT).

use rmcp::RoleClient;
use rmcp::model::{PaginatedRequestParams, Tool};
use rmcp::service::Peer;

/// Tools of one server. Model APIs take fewer in a request.
const MOST_TOOLS: usize = 1000;
/// Bytes of what they say of themselves, as JSON: all of it goes into every request to the model.
const MOST_BYTES: usize = 1 << 20;
/// A page may be empty and have another after it.
const MOST_PAGES: usize = 1000;

/// All of them. `Err`: they cannot be had; the text is for the log.
pub async fn list(peer: &Peer<RoleClient>) -> Result<Vec<Tool>, String> {
    let (mut tools, mut bytes) = (Vec::new(), 0);
    let mut cursor = None;
    for _ in 0..MOST_PAGES {
        let page = PaginatedRequestParams::default().with_cursor(cursor);
        let page = peer.list_tools(Some(page)).await.map_err(|error| error.to_string())?;
        bytes += page.tools.iter().map(size).sum::<usize>();
        tools.extend(page.tools);
        if tools.len() > MOST_TOOLS || bytes > MOST_BYTES {
            return Err(format!(
                "its list of tools has no end, or is longer than {MOST_TOOLS} tools or {} KiB",
                MOST_BYTES >> 10
            ));
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(tools);
        }
    }
    Err(format!("its list of tools has more than {MOST_PAGES} pages"))
}

fn size(tool: &Tool) -> usize {
    serde_json::to_string(tool).map_or(0, |text| text.len())
}
