"""Tables, pictures and pages made from an evaluation."""
