//! A list that becomes another by what comes and what goes: whoever says so need not know the rest of it, and may say it again.

/// What comes to a list, and what goes from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit<T> {
    /// What is to be in it, too. What is there already stays where it is.
    pub added: Vec<T>,
    /// What is to be in it no more.
    pub removed: Vec<T>,
}

impl<T> Default for Edit<T> {
    fn default() -> Self {
        Self { added: Vec::new(), removed: Vec::new() }
    }
}

impl<T: Clone + PartialEq> Edit<T> {
    /// The whole list afterwards, if it is said to change: `all`, or what is there, edited. The error is what is to go from it
    /// and is not there.
    pub(super) fn of(
        &self,
        all: Option<&Vec<T>>,
        there: impl FnOnce() -> Vec<T>,
    ) -> Result<Option<Vec<T>>, T> {
        if self.added.is_empty() && self.removed.is_empty() {
            return Ok(all.cloned());
        }
        let mut list = all.cloned().unwrap_or_else(there);
        for gone in &self.removed {
            let place = list.iter().position(|one| one == gone).ok_or_else(|| gone.clone())?;
            list.remove(place);
        }
        for new in &self.added {
            if !list.contains(new) {
                list.push(new.clone());
            }
        }
        Ok(Some(list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(all: Option<&[u8]>, added: &[u8], removed: &[u8]) -> Result<Option<Vec<u8>>, u8> {
        let edit = Edit { added: added.to_vec(), removed: removed.to_vec() };
        edit.of(all.map(<[u8]>::to_vec).as_ref(), || vec![1, 2, 3])
    }

    #[test]
    fn what_goes_goes_first_what_comes_is_last_and_what_is_there_stays() {
        assert_eq!(edited(None, &[], &[]), Ok(None));
        assert_eq!(edited(Some(&[7]), &[], &[]), Ok(Some(vec![7])));
        assert_eq!(edited(None, &[4, 2, 4], &[1]), Ok(Some(vec![2, 3, 4])));
        assert_eq!(edited(Some(&[7]), &[8], &[7]), Ok(Some(vec![8])));
        assert_eq!(edited(None, &[1], &[1]), Ok(Some(vec![2, 3, 1])));
        assert_eq!(edited(None, &[], &[4]), Err(4));
        assert_eq!(edited(None, &[], &[1, 1]), Err(1));
    }
}
