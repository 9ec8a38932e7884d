"""The no-Docker platform: a private Supabase-like stack on loopback. For development and tests only."""
