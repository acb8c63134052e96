//! A terminal with a program on it, and somebody who types.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::wait::within;

/// What Ctrl-C sends.
pub const CTRL_C: &str = "\u{3}";

/// A pseudoterminal (pty(7)). What is on its screen is what the program wrote, and what was typed where the terminal shows that.
pub struct Terminal {
    typing: File,
    /// Kept, so that its settings stay when the program is gone.
    _program_end: File,
    screen: Arc<watch::Sender<String>>,
    child: Child,
}

impl Terminal {
    /// # Panics
    /// If there is no such program, or no terminal to be had.
    pub fn run(mut command: Command) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal is free");
        grantpt(&keyboard)
            .and_then(|()| unlockpt(&keyboard))
            .expect("it is ours");
        let name = ptsname(&keyboard, Vec::new()).expect("it has a name");
        let open = || {
            let mut options = OpenOptions::new();
            let no_controlling_terminal = OFlags::NOCTTY.bits().cast_signed();
            options.read(true).write(true).custom_flags(no_controlling_terminal);
            options
                .open(name.to_str().expect("its name is a text"))
                .expect("it is ours")
        };
        assert!(echoes(&keyboard), "a new terminal shows what is typed");
        command.stdin(open()).stdout(open()).stderr(open()).kill_on_drop(true);
        let child = command.spawn().expect("there is such a program");
        let typing = File::from(keyboard);
        let screen = Arc::new(watch::Sender::new(String::new()));
        let (mut shown, on_screen) = (typing.try_clone().expect("a descriptor is free"), screen.clone());
        // It ends with the terminal.
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = shown.read(&mut bytes) {
                on_screen.send_modify(|screen| screen.push_str(&String::from_utf8_lossy(&bytes[..count])));
            }
        });
        Self {
            typing,
            _program_end: open(),
            screen,
            child,
        }
    }

    /// Waits until this is on the screen, so many times.
    pub async fn shows(&self, text: &str, times: usize) {
        let mut screen = self.screen.subscribe();
        let what = format!("{text:?} on the terminal");
        within(&what, screen.wait_for(|screen| screen.matches(text).count() >= times))
            .await
            .expect("the sender is in self");
    }

    /// # Panics
    /// If the terminal is gone.
    pub fn types(&mut self, keys: &str) {
        self.typing.write_all(keys.as_bytes()).expect("the terminal is there");
    }

    /// Whether what is typed is shown.
    ///
    /// # Panics
    /// If the terminal is gone.
    pub fn echoes(&self) -> bool {
        echoes(&self.typing)
    }

    /// Waits for the end of the program, and for this last text; the exit code, and all that was on the screen.
    pub async fn ended(&mut self, last: &str) -> (Option<i32>, String) {
        let status = within("end of the program", self.child.wait()).await;
        self.shows(last, 1).await;
        let code = status.expect("a child can be waited for").code();
        (code, self.screen.borrow().clone())
    }
}

fn echoes(terminal: impl AsFd) -> bool {
    let settings = tcgetattr(terminal).expect("it is a terminal");
    settings
        .local_modes
        .contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
}
