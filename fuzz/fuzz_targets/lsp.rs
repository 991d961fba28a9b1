//! A session of the language server. The command is no library, so its rooms are read here from where they lie.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the command has rooms that the server does not enter")]

#[path = "../../compiler/cli/src/bounds.rs"]
mod bounds;
#[path = "../../compiler/cli/src/commands/mod.rs"]
mod commands;
#[path = "../../compiler/cli/src/device.rs"]
mod device;
#[path = "../../compiler/cli/src/imports.rs"]
mod imports;
#[path = "../../compiler/cli/src/lsp/mod.rs"]
mod lsp;
#[path = "../../compiler/cli/src/model.rs"]
mod model;
#[path = "../../compiler/cli/src/outcome.rs"]
mod outcome;
#[path = "../../compiler/cli/src/output/mod.rs"]
mod output;
#[path = "../../compiler/cli/src/render/mod.rs"]
mod render;
#[path = "../../compiler/cli/src/rows.rs"]
mod rows;
#[path = "../../compiler/cli/src/running/mod.rs"]
mod running;
#[path = "../../compiler/cli/src/subject.rs"]
mod subject;

use libfuzzer_sys::fuzz_target;

/// Stands in the seeds for a folder of this process.
const HERE: &str = "file:///w/";

// Messages are bodies, a line each; and once as bytes off the wire.
fuzz_target!(|text: &str| {
    nasrec_fuzz::inside(
        |folder, _| {
            // A session reads what its editor names: not the machine that it is fuzzed on.
            let here = format!("file://{}/", folder.display());
            if text.replace(HERE, "").contains("file:") || text.contains('%') || text.contains("..") {
                return;
            }
            let text = text.replace(HERE, &here);
            let framed: String =
                text.lines().map(|body| format!("Content-Length: {}\r\n\r\n{body}", body.len())).collect();
            lsp::hear(framed.as_bytes());
            lsp::hear(text.as_bytes());
        },
        &[],
    );
});
