"""What finished sessions tell: reports, their forms and pages, their history."""
