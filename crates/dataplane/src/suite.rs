//! What every [`crate::Driver`] must do, as stories. The real kernel and the fake run the same.
