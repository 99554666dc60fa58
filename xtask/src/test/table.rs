//! How the steps of a run came out: a line after each, and a table at the end.

use std::time::Duration;

use super::Count;

/// A step that ended.
pub struct Step {
    pub name: &'static str,
    /// Its budget.
    pub minutes: Option<u64>,
    pub took: Duration,
    pub count: Count,
}

/// The steps so far.
#[derive(Default)]
pub struct Table {
    steps: Vec<Step>,
}

impl Table {
    /// Says how the step came out and keeps it.
    pub fn enter(&mut self, step: Step) {
        println!("{}", step.line());
        if step.count != Count::default() {
            println!("{}", step.count);
        }
        self.steps.push(step);
    }

    /// Prints all steps; the sum is for the caller to print.
    pub fn finish(&self) -> Count {
        println!("\n== all");
        let mut sum = Count::default();
        for step in &self.steps {
            let count = if step.count == Count::default() { "done".into() } else { step.count.to_string() };
            println!("{}  {count}", step.line());
            sum += step.count;
        }
        sum
    }
}

impl Step {
    fn line(&self) -> String {
        let seconds = self.took.as_secs_f32();
        let budget = self.minutes.map_or(String::new(), |minutes| format!("of {minutes} min"));
        let over = if self.is_over() { "  OVER ITS BUDGET" } else { "" };
        format!("{:<10} {seconds:>7.1} s {budget:<10}{over}", self.name)
    }

    fn is_over(&self) -> bool {
        self.minutes.is_some_and(|minutes| self.took > Duration::from_secs(60 * minutes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_over_its_budget_says_so() {
        let step = |seconds| {
            let took = Duration::from_secs(seconds);
            Step { name: "api", minutes: Some(1), took, count: Count::passed(1) }.line()
        };
        assert!(step(61).ends_with("OVER ITS BUDGET"));
        assert!(!step(60).contains("OVER"));
    }

    #[test]
    fn the_sum_is_over_all_steps() {
        let mut table = Table::default();
        for count in [Count::passed(3), Count { passed: 1, failed: 2 }] {
            table.enter(Step { name: "core", minutes: None, took: Duration::ZERO, count });
        }
        assert_eq!(table.finish(), Count { passed: 4, failed: 2 });
    }
}
