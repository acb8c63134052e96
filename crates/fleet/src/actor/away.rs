//! An instance that is out of sight: where it lives does not answer. Nothing is concluded from that, and it is looked for again.

use std::time::Duration;

use tokio::time::Instant;

use super::Actor;
use super::phase::Phase;
use crate::driver::Found;
use crate::{FleetError, fault};

/// How long until it is looked for again.
const PAUSE: Duration = Duration::from_secs(1);

impl Actor {
    /// What is recorded of it stays: whoever is found later is compared with that.
    pub(super) fn away(&mut self, reason: String) {
        if self.out_of_sight.is_none() {
            tracing::warn!(instance = %self.id, reason, "out of sight");
        }
        self.phase = Phase::Away(Instant::now() + PAUSE);
        self.message = None;
        if self.out_of_sight.as_ref() != Some(&reason) {
            self.out_of_sight = Some(reason);
            self.publish();
        }
    }

    pub(super) async fn look_again(&mut self) {
        match self.find().await {
            Found::Away(reason) => self.away(reason),
            _ => {
                fault::point("in sight again");
                self.out_of_sight = None;
                self.phase = Phase::Idle;
                self.adopt().await;
                if self.unrecorded && !self.should_live() {
                    self.record_unseen().await;
                }
            }
        }
    }

    /// Nothing can be asked of what is out of sight.
    pub(super) fn must_be_in_sight(&self) -> Result<(), FleetError> {
        match &self.out_of_sight {
            Some(reason) => Err(FleetError::Away { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// Whether nothing of it can be where nobody looks: the image that it starts from is recorded, pinned, before anything is made of it.
    pub(super) fn was_never_made(&self) -> bool {
        let is_pinned = self.record.image.as_ref().is_some_and(|image| image.contains('@'));
        self.record.external_id.is_none() && !is_pinned
    }

    /// What kept it from starting: nobody's answer is waited for, everything else is final.
    pub(super) async fn could_not_start(&mut self, error: FleetError) {
        match error {
            FleetError::Away { reason } => self.away(reason),
            // Someone took it between our look and the driver's. The next step takes another.
            FleetError::PortInUse { .. } if !self.record.port_fixed && self.moves < super::start::MAX_MOVES => {
                self.moves += 1;
                self.phase = Phase::Idle;
            }
            FleetError::PortInUse { .. } if self.record.port_fixed => self.fail(self.own_port(error).to_string()).await,
            error => self.fail(error.to_string()).await,
        }
    }
}
