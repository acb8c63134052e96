//! The fleet's and the records' errors as problems. What a user sees is theirs to act on; the rest is in the log.

use std::io::ErrorKind;

use axum::http::StatusCode;
use creel_config::ConfigError;
use creel_fleet::FleetError;
use creel_http::Problem;
use creel_records::RecordsError;

pub fn fleet_problem(error: FleetError) -> Problem {
    let detail = error.to_string();
    match error {
        FleetError::InvalidId(_) | FleetError::Invalid { .. } => Problem::unprocessable(detail),
        FleetError::StaysOn { .. } => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "stays_on", detail),
        FleetError::Taken(_) => Problem::conflict("taken", detail),
        FleetError::PortInUse { .. } | FleetError::NoFreePort { .. } => Problem::conflict("port_in_use", detail),
        FleetError::Superseded { .. } => Problem::conflict("superseded", detail),
        FleetError::NotRunning { .. } => Problem::conflict("not_running", detail),
        FleetError::Sleepless { .. } => Problem::conflict("sleepless", detail),
        FleetError::DataKept(_) => Problem::conflict("data_kept", detail),
        FleetError::DataInUse { .. } => Problem::conflict("data_in_use", detail),
        FleetError::NotFound(_) | FleetError::OnlyData(_) => Problem::not_found(detail),
        FleetError::Config(error) => config_problem(&error),
        FleetError::NoTemplate { .. } => Problem::not_found(detail),
        FleetError::Template(broken) => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "broken_template", detail).at(broken.line, broken.column)
        }
        FleetError::Conflicts { .. } => Problem::conflict("conflicts", detail),
        FleetError::Changed(_) | FleetError::TemplateChanged(_) => {
            Problem::new(StatusCode::PRECONDITION_FAILED, "changed_elsewhere", detail)
        }
        FleetError::GoesOn { reason, .. } => Problem {
            detail,
            ..fleet_problem(*reason)
        },
        FleetError::HalfRemoved { id, reason } => {
            let problem = fleet_problem(*reason);
            let detail = format!(
                "instance \"{id}\" is stopped, but not removed to the end: {}; remove it again",
                problem.detail
            );
            Problem { detail, ..problem }
        }
        FleetError::File { source, .. } if source.kind() == ErrorKind::StorageFull => {
            Problem::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", detail)
        }
        FleetError::StartFailed { log, .. } => {
            let detail = if log.is_empty() {
                detail
            } else {
                format!("{detail}\n{}", log.join("\n"))
            };
            Problem::new(StatusCode::BAD_GATEWAY, "start_failed", detail)
        }
        FleetError::NotSettled { .. } => Problem::new(StatusCode::GATEWAY_TIMEOUT, "not_settled", detail),
        FleetError::Runtime { .. } | FleetError::Plugin { .. } => {
            Problem::new(StatusCode::BAD_GATEWAY, "runtime", detail)
        }
        FleetError::RolledBack { .. } => Problem::new(StatusCode::BAD_GATEWAY, "rolled_back", detail),
        FleetError::Away { .. } => Problem::unavailable("driver_away", detail),
        FleetError::Driver { .. } => Problem::new(StatusCode::BAD_GATEWAY, "driver", detail),
        FleetError::ShuttingDown => Problem::unavailable("shutting_down", detail),
        FleetError::Records(error) => records_problem(error),
        _ => {
            tracing::error!(error = detail, "fleet");
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
        }
    }
}

pub fn config_problem(error: &ConfigError) -> Problem {
    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "broken_config", error.to_string());
    match (error.line, error.column) {
        (Some(line), Some(column)) => problem.at(line, column),
        _ => problem,
    }
}

pub fn records_problem(error: RecordsError) -> Problem {
    match error {
        RecordsError::Taken { .. } => return Problem::conflict("taken", error.to_string()),
        RecordsError::NotFound { .. } => return Problem::not_found(error.to_string()),
        RecordsError::Reused => {
            let detail = "Idempotency-Key: other credits were given under it; send these with a key of their own";
            return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused", detail);
        }
        _ => {}
    }
    tracing::error!(%error, "records");
    match error {
        RecordsError::Full { .. } => Problem::new(StatusCode::INSUFFICIENT_STORAGE, "disk_full", error.to_string()),
        RecordsError::Unavailable(_) => {
            Problem::unavailable("records", "the database does not answer; try again later")
        }
        RecordsError::Conflict(_) => Problem::unavailable("records", error.to_string()),
        _ => Problem::internal(),
    }
}
