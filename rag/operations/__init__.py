"""Operations for the person who runs Magpie: health checks, status, and stored data."""
