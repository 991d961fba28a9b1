// Starts `nasrecc lsp` and connects VS Code to it. Everything else is the server's.

const { workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function activate() {
  const command = workspace.getConfiguration("nasrec").get("command", "nasrecc");
  const server = { command, args: ["lsp"] };
  const options = {
    documentSelector: [{ language: "nasrec" }],
    // Imports are read from disk, so a change there is news.
    synchronize: { fileEvents: workspace.createFileSystemWatcher("**/*.nasrec") },
  };
  client = new LanguageClient("nasrec", "nasrec", server, options);
  return client.start();
}

function deactivate() {
  return client?.stop();
}

module.exports = { activate, deactivate };
