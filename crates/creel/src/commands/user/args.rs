//! `creel user …`, as the command line has it.

use clap::{Args, Subcommand};

use super::page::Page;

#[derive(Subcommand)]
pub enum UserCommand {
    /// Register a user
    Create(UserCreateArgs),
    /// List users, by id
    #[command(visible_alias = "ls")]
    List {
        /// Only those whose id or name contains this
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        #[command(flatten)]
        page: Page,
    },
    /// Show one user
    Show { id: String },
    /// Make a new gateway token, shown this once; the one before is void at the next sync
    Token {
        id: String,
        /// A day or a moment (RFC 3339) after which it is void
        #[arg(long, value_name = "WHEN")]
        expires: Option<String>,
        /// Take their token away, and make none
        #[arg(long, conflicts_with = "expires")]
        revoke: bool,
    },
    /// Set a password, asked for on the terminal
    Password {
        id: String,
        /// Read it from the first line of standard input
        #[arg(long = "password-stdin")]
        stdin: bool,
        /// Take it away: they sign in no more
        #[arg(long, conflicts_with = "stdin")]
        remove: bool,
    },
    /// Keep a user out; what is theirs stays
    Disable { id: String },
    /// Let a user in again
    Enable { id: String },
    /// Register many users from a table (CSV, first line id,name), all or none up to 10,000
    Import {
        /// `-`: standard input
        file: String,
        /// Only say whether it is good, and what is wrong in which line
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove a user; what they were charged stays in the books
    Rm { id: String },
    /// Make one native instance the gateway that serves all users, or say which one does
    Gateway {
        /// The instance; it is made where there is none. Without it, only say
        instance: Option<String>,
        /// PROVIDER/MODEL that answers, if the instance is made now
        #[arg(long, value_name = "PROVIDER/MODEL", requires = "instance")]
        model: Option<String>,
    },
}

#[derive(Args)]
pub struct UserCreateArgs {
    /// Names the user's workspace too
    pub id: String,
    /// Name shown to people
    #[arg(long)]
    pub name: Option<String>,
    /// Ask for a password on the terminal
    #[arg(long)]
    pub password: bool,
    /// Read a password from the first line of standard input
    #[arg(long)]
    pub password_stdin: bool,
    /// Make a gateway token too, shown this once
    #[arg(long)]
    pub token: bool,
}
