"""What tests share: connections with a role, people who signed up, reading TAP."""
