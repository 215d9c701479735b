def layernorm_forward(x, gamma, beta, ln_param):
  out, cache = None, None
  eps = ln_param.get('eps', 1e-5)
  mean = x.mean(axis=1, keepdims=True)
  std = np.sqrt(x.var(axis=1, keepdims=True) + eps)
  x_hat = (x - mean) / std
  out = gamma * x_hat + beta
  cache = (x_hat, gamma, std)
  return out, cache


def layernorm_backward(dout, cache):
  dx, dgamma, dbeta = None, None, None
  x_hat, gamma, std = cache
  dbeta = dout.sum(axis=0)
  dgamma = (dout * x_hat).sum(axis=0)
  d = dout * gamma
  dx = (d - d.mean(axis=1, keepdims=True) - x_hat * (d * x_hat).mean(axis=1, keepdims=True)) / std
  return dx, dgamma, dbeta


