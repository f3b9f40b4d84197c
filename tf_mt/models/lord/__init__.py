"""LORD: latent optimisation of a content code per clip and a class code per domain."""
