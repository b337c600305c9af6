"""Who may enter, and when: obstacles, admissions, the waiting list."""
