//! `creel template …`, as the command line has it.

use clap::Subcommand;

#[derive(Subcommand)]
pub enum TemplateCommand {
    /// List the templates
    #[command(visible_alias = "ls")]
    List,
    /// Print a template
    Show {
        /// Such as native/openclaw.json
        path: String,
        /// The built-in text, whatever took its place
        #[arg(long)]
        builtin: bool,
    },
    /// Open a template in $EDITOR; with a file, take that
    Edit {
        /// Such as native/openclaw.json
        path: String,
        /// The new text (`@-`: standard input)
        #[arg(value_name = "@FILE")]
        file: Option<String>,
    },
    /// Put the built-in text back
    Reset {
        /// Such as native/openclaw.json
        path: String,
    },
}
